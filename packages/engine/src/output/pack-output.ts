import { constants, type Dirent, type Stats } from 'node:fs';
import { lstat, open, readdir, readlink } from 'node:fs/promises';
import { join } from 'node:path';
import { PassThrough, type Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { GalleyError } from '@galley/api/error/galley-error';
import { pack, type Pack } from 'tar-stream';

/** What may leave a workload at most. More is an attack or a mistake, and an error either way. */
export interface OutputLimits {
  readonly entries: number;
  /** Of all files as they read: a sparse file counts in full. */
  readonly bytes: number;
  readonly depth: number;
}

/**
 * A tar stream of a directory that a finished workload wrote: regular files, directories and symbolic links (as links),
 * names relative, owner 0, nothing followed. Devices, sockets and FIFOs are left out. The receiver must still treat
 * names and link targets as hostile. The stream fails with `OUTPUT_REFUSED` beyond the limits.
 */
export function packOutput(directory: string, limits: OutputLimits): Readable {
  const tar = pack();
  // Errors of the walk surface where the stream is read.
  const out = new PassThrough();
  pipeline(tar, out).catch(() => undefined);
  new Walk(tar, limits).directory(directory, '', 0).then(
    () => tar.finalize(),
    (error: unknown) => {
      const reason = error instanceof Error ? error : new Error(String(error));
      tar.destroy(reason);
      out.destroy(reason);
    },
  );
  return out;
}

class Walk {
  #entries = 0;
  #bytes = 0;
  readonly #tar: Pack;
  readonly #limits: OutputLimits;

  constructor(tar: Pack, limits: OutputLimits) {
    this.#tar = tar;
    this.#limits = limits;
  }

  async directory(path: string, name: string, depth: number): Promise<void> {
    if (depth > this.#limits.depth) throw refused(`directories are more than ${this.#limits.depth} deep`);
    const children = await readdir(path, { withFileTypes: true, encoding: 'buffer' });
    for (const child of children.sort((left, right) => Buffer.compare(left.name, right.name))) {
      if (this.#tar.destroyed) return;
      await this.#entry(path, name, child, depth);
    }
  }

  async #entry(directory: string, parent: string, child: Dirent<Buffer>, depth: number): Promise<void> {
    const text = child.name.toString('utf8');
    if (!Buffer.from(text).equals(child.name)) throw refused('a file has a name that is not UTF-8');
    if (++this.#entries > this.#limits.entries)
      throw refused(`there are more than ${this.#limits.entries} files`);
    const path = join(directory, text);
    const name = parent === '' ? text : `${parent}/${text}`;
    const stat = await lstat(path);
    const header = { name, mode: stat.mode & 0o777, mtime: stat.mtime, uid: 0, gid: 0 };
    if (stat.isDirectory()) {
      this.#tar.entry({ ...header, type: 'directory' });
      await this.directory(path, name, depth + 1);
    } else if (stat.isSymbolicLink()) {
      this.#tar.entry({ ...header, type: 'symlink', linkname: await readlink(path) });
    } else if (stat.isFile()) {
      this.#bytes += stat.size;
      if (this.#bytes > this.#limits.bytes) throw refused(`there are more than ${this.#limits.bytes} bytes`);
      await this.#file(path, header, stat);
    }
  }

  async #file(path: string, header: { name: string; mode: number; mtime: Date }, stat: Stats): Promise<void> {
    const file = await open(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
    const entry = this.#tar.entry({ ...header, type: 'file', size: stat.size });
    if (stat.size === 0) {
      entry.end(undefined);
      await file.close();
      return;
    }
    // Exactly as many bytes as the header says; the stream closes the file.
    await pipeline(file.createReadStream({ start: 0, end: stat.size - 1 }), entry);
  }
}

function refused(why: string): GalleyError {
  return new GalleyError('OUTPUT_REFUSED', `The output of the workload is refused: ${why}.`);
}
