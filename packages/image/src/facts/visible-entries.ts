import type { Layer } from '../descriptor.ts';
import { openLayer } from '../layer/open-layer.ts';
import { requireLayer } from '../layer/require-layer.ts';
import type { ImageStore } from '../store.ts';
import type { TarEntry } from '../tar/entry.ts';
import { parentsOf } from '../tar/path.ts';
import { readTar } from '../tar/read-tar.ts';
import { parseWhiteout } from '../tar/whiteout.ts';

/** The same caps as when an image is unpacked. */
const limits = { entriesMax: 1_000_000, bytesMax: 2 ** 36 };

/** What upper layers have settled for those below. */
class Settled {
  readonly #here = new Set<string>();
  readonly #removed = new Set<string>();
  /** Hide what is below them: opaque directories, and files where a lower layer has a directory. */
  readonly #covers = new Set<string>();
  #next: (() => void)[] = [];

  hides(path: string): boolean {
    if (this.#here.has(path) || this.#removed.has(path)) return true;
    // The root as well: a layer may hide all of those below it.
    return ['', ...parentsOf(path)].some((parent) => this.#removed.has(parent) || this.#covers.has(parent));
  }

  /** A whiteout or an entry of a layer says nothing about its own layer, so it counts from the next one on. */
  note(path: string, type: TarEntry['type']): void {
    const whiteout = parseWhiteout(path);
    this.#next.push(() => {
      if (whiteout === undefined) {
        this.#here.add(path);
        if (type !== 'directory') this.#covers.add(path);
      } else (whiteout.opaque ? this.#covers : this.#removed).add(whiteout.path);
    });
  }

  nextLayer(): void {
    for (const settle of this.#next) settle();
    this.#next = [];
  }
}

/** An entry and the layer that it is of. */
export interface VisibleEntry extends TarEntry {
  readonly layer: Layer;
}

/**
 * The wanted entries of an image as a container would see them, without unpacking it: of each path the topmost layer's, none that an upper
 * layer removed or covers. Links are not followed, neither in the middle of a path nor at its end. The content of an entry is to be read before the next is
 * asked for. Whoever has what they want stops reading. Throws `BLOB_MISSING`, and as `readTar` does: layers are hostile.
 */
export async function* visibleEntries(
  store: ImageStore,
  layers: readonly Layer[],
  wanted: (path: string) => boolean,
  signal?: AbortSignal,
): AsyncGenerator<VisibleEntry> {
  const settled = new Settled();
  for (const layer of layers.toReversed()) {
    await requireLayer(store, layer.descriptor);
    const tar = openLayer(store, layer.descriptor);
    for await (const entry of readTar(tar, { ...limits, special: 'skip' }, signal)) {
      const whiteout = parseWhiteout(entry.path);
      const isWanted = whiteout === undefined && wanted(entry.path);
      if (isWanted && !settled.hides(entry.path)) yield { ...entry, layer };
      // A parent that is no directory covers what lower layers have below it, wanted or not.
      if (isWanted || whiteout !== undefined || entry.type !== 'directory')
        settled.note(entry.path, entry.type);
    }
    settled.nextLayer();
  }
}
