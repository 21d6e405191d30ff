import { digestHex } from '@galley/api/digest';
import { GalleyError } from '@galley/api/error/galley-error';
import type { Layer } from '@galley/image/descriptor';
import { parseImageUser, type ImageUser } from '@galley/image/facts/image-user';
import { readEntry } from '@galley/image/tar/read-entry';
import type { Image } from '@galley/image/image';
import { openLayer } from '@galley/image/layer/open-layer';
import type { ImageStore } from '@galley/image/store';
import { directoryEntry, type TarEntry } from '@galley/image/tar/entry';
import { parentsOf } from '@galley/image/tar/path';
import { readTar } from '@galley/image/tar/read-tar';
import { parseWhiteout } from '@galley/image/tar/whiteout';
import type { BuildContext } from '../build.ts';
import { RecordCache } from '../cache/record-cache.ts';
import type { ChangedEntry } from './changes.ts';

/** What of a layer decides who its users are and what its folders look like. */
interface LayerFacts {
  /** Mode, uid and gid of each directory. */
  readonly folders: Readonly<Record<string, readonly [mode: number, uid: number, gid: number]>>;
  /** Links and files where a directory might be looked for: links, since a path through a file is a mistake anyway. */
  readonly links: readonly string[];
  readonly removed: readonly string[];
  readonly opaque: readonly string[];
  /** Contents of the files that name users. */
  readonly texts: Readonly<Record<string, string>>;
}

type FactsContext = Pick<BuildContext, 'cacheDir' | 'signal' | 'store'>;

const limits = { entriesMax: 1_000_000, bytesMax: 2 ** 36, special: 'skip' } as const;
const textPaths = new Set(['etc/passwd', 'etc/group']);
const textBytesMax = 1 << 20;

/**
 * An image's users and folders without unpacking it. Each layer is read once and remembered by its digest: a builder image has hundreds of megabytes, and
 * every build asks the same of it.
 */
export class ImageOwners {
  /** Topmost first. */
  readonly #layers: readonly LayerFacts[];

  private constructor(layers: readonly LayerFacts[]) {
    this.#layers = layers;
  }

  static async open(image: Image, context: FactsContext): Promise<ImageOwners> {
    const cache = new RecordCache<LayerFacts>(context.cacheDir, 'layer-facts');
    const layers: LayerFacts[] = [];
    for (const layer of image.layers.toReversed()) {
      const key = digestHex(layer.diffId);
      const known = await cache.get(key);
      const facts = known ?? (await readFacts(context.store, layer, context.signal));
      if (known === undefined) await cache.set(key, facts);
      layers.push(facts);
    }
    return new ImageOwners(layers);
  }

  /** Who `text` is, as an image writes users. Throws `IMAGE_INVALID`. */
  user(text: string): ImageUser {
    return parseImageUser(text, { passwd: this.#text('etc/passwd'), group: this.#text('etc/group') });
  }

  /**
   * The entries and the folders above them as the image has them: a directory entry of a layer replaces the attributes of those
   * below (builders.md §8.1). A folder that neither has is made for `owner`; without one that is left to whoever builds the layer. Throws `IMAGE_INVALID`
   * where one is a link: it would be replaced.
   */
  withParents<Entry extends TarEntry>(
    entries: readonly Entry[],
    owner?: Pick<ImageUser, 'uid' | 'gid'>,
  ): readonly (Entry | ChangedEntry)[] {
    const brought = new Set(entries.map(({ path }) => path));
    const above = new Set(
      entries.flatMap(({ path }) => parentsOf(path)).filter((path) => !brought.has(path)),
    );
    const parents = [...above].flatMap((path): readonly ChangedEntry[] => {
      const found = this.#folder(path);
      if (found === undefined)
        return owner === undefined ? [] : [{ ...directoryEntry(path), uid: owner.uid, gid: owner.gid }];
      const [mode, uid, gid] = found;
      return [{ ...directoryEntry(path, mode & 0o1777), uid, gid }];
    });
    return [...parents, ...entries];
  }

  #folder(path: string): readonly [number, number, number] | undefined {
    const above = parentsOf(path);
    for (const layer of this.#layers) {
      if (Object.hasOwn(layer.folders, path)) return layer.folders[path];
      if ([...above, path].some((part) => layer.links.includes(part))) throw behindLink(path);
      if (hides(layer, above, path)) return undefined;
    }
    return undefined;
  }

  #text(path: string): string {
    const above = parentsOf(path);
    for (const layer of this.#layers) {
      if (Object.hasOwn(layer.texts, path)) return layer.texts[path] ?? '';
      if (hides(layer, above, path)) return '';
    }
    return '';
  }
}

/** The root is above every path, and a layer may be opaque there: it hides all of those below it. */
function hides({ removed, opaque }: LayerFacts, above: readonly string[], path: string): boolean {
  if (removed.length === 0 && opaque.length === 0) return false;
  return (
    removed.includes(path) || ['', ...above].some((part) => removed.includes(part) || opaque.includes(part))
  );
}

async function readFacts(store: ImageStore, layer: Layer, signal: AbortSignal): Promise<LayerFacts> {
  // Names are a stranger's: `__proto__` is one like any other.
  const folders = Object.create(null) as Record<string, readonly [number, number, number]>;
  const texts = Object.create(null) as Record<string, string>;
  const [links, removed, opaque]: [string[], string[], string[]] = [[], [], []];
  for await (const entry of readTar(openLayer(store, layer.descriptor), limits, signal)) {
    const { path, type, mode, uid = 0, gid = 0 } = entry;
    const whiteout = parseWhiteout(path);
    if (whiteout !== undefined) (whiteout.opaque ? opaque : removed).push(whiteout.path);
    else if (type === 'directory') folders[path] = [mode, uid, gid];
    else if (type === 'symlink') links.push(path);
    if (textPaths.has(path)) {
      const text = await readEntry(entry, textBytesMax);
      if (text !== undefined) texts[path] = text.toString('utf8');
    }
  }
  return { folders, links, removed, opaque, texts };
}

function behindLink(path: string): GalleyError {
  return new GalleyError(
    'IMAGE_INVALID',
    `Nothing can be put below /${path}: a part of it is a link of the image.`,
    {
      hint: 'Name the folder that it leads to.',
      details: { path },
    },
  );
}
