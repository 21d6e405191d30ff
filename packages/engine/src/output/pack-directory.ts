import { constants, type Dirent, type Stats } from 'node:fs';
import { lstat, open, readdir, readlink } from 'node:fs/promises';
import { join } from 'node:path';
import { PassThrough, type Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { GalleyError } from '@galley/api/error/galley-error';
import { pack, type Header, type Pack } from 'tar-stream';

/** What may leave a workload at most. More is an attack or a mistake, and an error either way. */
export interface OutputLimits {
  readonly entries: number;
  /** Of all files as they read: a sparse file counts in full. */
  readonly bytes: number;
  readonly depth: number;
}

/** What is told of a directory that a workload wrote. */
export interface DirectoryView {
  readonly directory: string;
  /** Begins the sentence of a refusal: `The output of the workload`. */
  readonly what: string;
  /** Mode and owner as they are told. */
  readonly header: (stat: Stats) => Pick<Header, 'mode' | 'uid' | 'gid'>;
  /** True: left out, with all below it. Default: nothing is. */
  readonly omits?: (name: string) => boolean;
  /** Why a file cannot be called so, as the end of "the name … "; undefined: it can. */
  readonly faultOf?: (name: string) => string | undefined;
  /** The name of an empty file that stands for an entry; undefined: it is told as it is. */
  readonly markOf?: (name: string, stat: Stats) => string | undefined;
  /** The names of empty files that a directory begins with. */
  readonly marksIn?: (path: string) => readonly string[];
}

/** PATH_MAX less the host's part of it. */
const pathBytesMax = 3800;

/**
 * A tar stream of a directory of a workload that has ended: regular files, directories and symbolic links (as links), names relative, nothing
 * followed. Devices, sockets and FIFOs are left out. The receiver must still treat names and link targets as hostile. The stream fails with
 * `OUTPUT_REFUSED` beyond the limits and for a name that is not UTF-8.
 */
export function packDirectory(view: DirectoryView, limits: OutputLimits): Readable {
  const tar = pack();
  // Errors of the walk surface where the stream is read.
  const out = new PassThrough();
  pipeline(tar, out).catch(() => undefined);
  new Walk(tar, view, limits).directory('', 0).then(
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
  readonly #view: DirectoryView;
  readonly #limits: OutputLimits;

  constructor(tar: Pack, view: DirectoryView, limits: OutputLimits) {
    this.#tar = tar;
    this.#view = view;
    this.#limits = limits;
  }

  async directory(folder: string, depth: number): Promise<void> {
    if (depth > this.#limits.depth)
      throw this.#refused(`directories are more than ${this.#limits.depth} deep`);
    const path = join(this.#view.directory, folder);
    const children = await readdir(path, { withFileTypes: true, encoding: 'buffer' });
    for (const mark of this.#view.marksIn?.(path) ?? []) this.#mark(folder, mark);
    for (const child of children.sort((left, right) => Buffer.compare(left.name, right.name))) {
      if (this.#tar.destroyed) return;
      await this.#entry(folder, child, depth);
    }
  }

  #mark(folder: string, text: string): void {
    this.#tar.entry({ name: nameIn(folder, text), type: 'file', mode: 0, size: 0 }, '');
  }

  async #entry(folder: string, child: Dirent<Buffer>, depth: number): Promise<void> {
    const text = child.name.toString('utf8');
    const name = nameIn(folder, text);
    const fault = Buffer.from(text).equals(child.name) ? this.#view.faultOf?.(text) : 'is not UTF-8';
    if (fault !== undefined) throw this.#refused(`the name ${JSON.stringify(name)} ${fault}`);
    if (this.#view.omits?.(name) === true) return;
    if (Buffer.byteLength(name) > pathBytesMax)
      throw this.#refused(
        `a path is longer than ${pathBytesMax} bytes: ${JSON.stringify(name.slice(0, 80))}…`,
      );
    if (++this.#entries > this.#limits.entries)
      throw this.#refused(`there are more than ${this.#limits.entries} files`);
    const path = join(this.#view.directory, name);
    const stat = await lstat(path);
    const mark = this.#view.markOf?.(text, stat);
    if (mark !== undefined) {
      this.#mark(folder, mark);
      return;
    }
    const header = { name, mtime: stat.mtime, ...this.#view.header(stat) };
    if (stat.isDirectory()) {
      this.#tar.entry({ ...header, type: 'directory' });
      await this.directory(name, depth + 1);
    } else if (stat.isSymbolicLink()) {
      this.#tar.entry({ ...header, type: 'symlink', linkname: await readlink(path) });
    } else if (stat.isFile()) {
      this.#bytes += stat.size;
      if (this.#bytes > this.#limits.bytes)
        throw this.#refused(`there are more than ${this.#limits.bytes} bytes`);
      await this.#file(path, { ...header, type: 'file', size: stat.size });
    }
  }

  async #file(path: string, header: Pick<Header, 'name' | 'size' | 'type'>): Promise<void> {
    if (header.size === 0) {
      this.#tar.entry(header, '');
      return;
    }
    const file = await open(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
    // Exactly as many bytes as the header says; the stream closes the file.
    await pipeline(file.createReadStream({ start: 0, end: header.size - 1 }), this.#tar.entry(header));
  }

  #refused(why: string): GalleyError {
    return new GalleyError('OUTPUT_REFUSED', `${this.#view.what} is refused: ${why}.`);
  }
}

function nameIn(folder: string, text: string): string {
  return folder === '' ? text : `${folder}/${text}`;
}
