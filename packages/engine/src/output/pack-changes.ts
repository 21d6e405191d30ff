import { constants, type Dirent, type Stats } from 'node:fs';
import { lstat, open, readdir, readlink } from 'node:fs/promises';
import { join } from 'node:path';
import { PassThrough, type Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { GalleyError } from '@galley/api/error/galley-error';
import { pack, type Pack } from 'tar-stream';
import type { OutputLimits } from './pack-output.ts';

/** What the walk has to know of the filesystem it reads. */
export interface UpperLayer {
  readonly directory: string;
  /** Host paths of the directories that hide what lies below them. */
  readonly opaque: ReadonlySet<string>;
  /** Host id of uid and gid 0 inside, and how many ids there are. */
  readonly shift: number;
  readonly ids: number;
  /** Paths that are left out with all below them, relative. */
  readonly omit: ReadonlySet<string>;
}

/**
 * An overlay's upper layer, of a workload that has ended, as the tar of an image layer (image-spec, layer.md). The directory itself, sockets,
 * FIFOs and devices are left out. A name that is not UTF-8 or begins with `.wh.` cannot be said in a layer: `OUTPUT_REFUSED`, as beyond the limits.
 */
export function packChanges(layer: UpperLayer, limits: OutputLimits): Readable {
  const tar = pack();
  // Errors of the walk surface where the stream is read.
  const out = new PassThrough();
  pipeline(tar, out).catch(() => undefined);
  new ChangesWalk(tar, layer, limits).directory('', 0).then(
    () => tar.finalize(),
    (error: unknown) => {
      const reason = error instanceof Error ? error : new Error(String(error));
      tar.destroy(reason);
      out.destroy(reason);
    },
  );
  return out;
}

/** PATH_MAX less the host's part of it. */
const pathBytesMax = 3800;

/** overlayfs spells a removal as a character device 0:0; a process inside cannot make one. */
function isRemoval(stat: Stats): boolean {
  return stat.isCharacterDevice() && stat.rdev === 0;
}

class ChangesWalk {
  #entries = 0;
  #bytes = 0;
  readonly #tar: Pack;
  readonly #layer: UpperLayer;
  readonly #limits: OutputLimits;

  constructor(tar: Pack, layer: UpperLayer, limits: OutputLimits) {
    this.#tar = tar;
    this.#layer = layer;
    this.#limits = limits;
  }

  async directory(name: string, depth: number): Promise<void> {
    const path = join(this.#layer.directory, name);
    if (depth > this.#limits.depth) throw refused(`directories are more than ${this.#limits.depth} deep`);
    const children = await readdir(path, { withFileTypes: true, encoding: 'buffer' });
    if (this.#layer.opaque.has(path)) this.#whiteout(name, '.wh..wh..opq');
    for (const child of children.sort((left, right) => Buffer.compare(left.name, right.name))) {
      if (this.#tar.destroyed) return;
      await this.#entry(name, child, depth);
    }
  }

  #whiteout(folder: string, name: string): void {
    this.#tar.entry({ name: folder === '' ? name : `${folder}/${name}`, type: 'file', mode: 0, size: 0 }, '');
  }

  async #entry(folder: string, child: Dirent<Buffer>, depth: number): Promise<void> {
    const text = child.name.toString('utf8');
    const shown = JSON.stringify(folder === '' ? text : `${folder}/${text}`);
    if (!Buffer.from(text).equals(child.name)) throw refused(`the name ${shown} is not UTF-8`);
    if (text.startsWith('.wh.')) throw refused(`the name ${shown} would mean a removal in an image`);
    const name = folder === '' ? text : `${folder}/${text}`;
    if (this.#layer.omit.has(name)) return;
    if (Buffer.byteLength(name) > pathBytesMax)
      throw refused(`a path is longer than ${pathBytesMax} bytes: ${shown.slice(0, 80)}…`);
    if (++this.#entries > this.#limits.entries)
      throw refused(`more than ${this.#limits.entries} files changed`);
    const path = join(this.#layer.directory, name);
    const stat = await lstat(path);
    if (isRemoval(stat)) {
      this.#whiteout(folder, `.wh.${text}`);
      return;
    }
    const header = {
      name,
      mode: stat.mode & 0o7777,
      mtime: stat.mtime,
      uid: this.#inner(stat.uid),
      gid: this.#inner(stat.gid),
    };
    if (stat.isDirectory()) {
      this.#tar.entry({ ...header, type: 'directory' });
      await this.directory(name, depth + 1);
    } else if (stat.isSymbolicLink()) {
      this.#tar.entry({ ...header, type: 'symlink', linkname: await readlink(path) });
    } else if (stat.isFile()) {
      this.#bytes += stat.size;
      if (this.#bytes > this.#limits.bytes) throw refused(`more than ${this.#limits.bytes} bytes changed`);
      await this.#file(path, header, stat);
    }
  }

  async #file(path: string, header: { name: string; mode: number }, stat: Stats): Promise<void> {
    const entry = this.#tar.entry({ ...header, type: 'file', size: stat.size });
    if (stat.size === 0) {
      entry.end(undefined);
      return;
    }
    const file = await open(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
    // Exactly as many bytes as the header says; the stream closes the file.
    await pipeline(file.createReadStream({ start: 0, end: stat.size - 1 }), entry);
  }

  /** An owner outside the map cannot come from inside; it is told as nobody rather than as a host id. */
  #inner(id: number): number {
    const inner = id - this.#layer.shift;
    return inner >= 0 && inner < this.#layer.ids ? inner : this.#layer.ids - 2;
  }
}

function refused(why: string): GalleyError {
  return new GalleyError('OUTPUT_REFUSED', `What the workload changed is refused: ${why}.`);
}
