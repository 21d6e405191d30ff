import { createReadStream, constants, type Stats } from 'node:fs';
import { lstat, open, readdir, readlink } from 'node:fs/promises';
import { join } from 'node:path';
import { GalleyError } from '@galley/api/error/galley-error';
import { directoryEntry, symlinkEntry, type TarEntry } from '../tar/entry.ts';
import { compareBytes } from '../tar/order.ts';

export interface PackTreeOptions {
  /** Where the folder's content lies in the image: `home/galley/app`; '' is the root. */
  readonly prefix: string;
  /** False leaves the path (relative to the folder, `/` between parts) and all below it out. Default: everything. */
  readonly include?: (path: string, isDirectory: boolean) => boolean;
  /** The mode of a file or directory. Default: 0755 for directories and executables, else 0644; the umask of the checkout never gets in. */
  readonly mode?: (path: string, stat: Stats) => number;
  readonly uid?: number;
  readonly gid?: number;
  readonly signal?: AbortSignal;
}

export interface PackedTree {
  /** Bytewise sorted; the folder itself is the first entry unless the prefix is empty. */
  readonly entries: readonly TarEntry[];
  /** What cannot be in an image: sockets, devices, fifos, names that are not UTF-8 or would be a whiteout. */
  readonly skipped: readonly { readonly path: string; readonly reason: string }[];
}

function normalMode(stat: Stats): number {
  return stat.isDirectory() || (stat.mode & 0o111) !== 0 ? 0o755 : 0o644;
}

/**
 * A file's bytes, opened without following a link that took its place meanwhile. Files up to 1 MiB are read in one go, since a
 * stream costs more than the reading.
 */
async function* fileContent(path: string, expected: Stats): AsyncGenerator<Uint8Array> {
  const handle = await open(path, constants.O_RDONLY | constants.O_NOFOLLOW);
  try {
    const actual = await handle.stat();
    if (!actual.isFile() || actual.ino !== expected.ino || actual.dev !== expected.dev) {
      throw new GalleyError('IMAGE_INVALID', `${path} was replaced while it was packed.`, {
        hint: 'Run the command again when nothing else writes to the folder.',
        details: { path },
      });
    }
    if (expected.size <= 1 << 20) {
      yield await handle.readFile();
      return;
    }
    yield* createReadStream(path, { fd: handle, autoClose: false, highWaterMark: 1 << 20 });
  } finally {
    await handle.close();
  }
}

class Packer {
  readonly entries: TarEntry[] = [];
  readonly skipped: { path: string; reason: string }[] = [];
  readonly #root: string;
  readonly #options: PackTreeOptions;

  constructor(root: string, options: PackTreeOptions) {
    this.#root = root;
    this.#options = options;
  }

  async folder(path: string): Promise<void> {
    this.#options.signal?.throwIfAborted();
    // Names as bytes: Node would turn a name that is not UTF-8 into another one that does not exist.
    const names = await readdir(join(this.#root, path), { encoding: 'buffer' });
    for (const raw of names) {
      const name = raw.toString('utf8');
      const child = path === '' ? name : `${path}/${name}`;
      if (!Buffer.from(name, 'utf8').equals(raw)) {
        this.skipped.push({ path: child, reason: 'the name is not UTF-8' });
      } else if (name.startsWith('.wh.')) {
        this.skipped.push({ path: child, reason: 'the name would mean a deletion in an image' });
      } else {
        await this.#entry(child);
      }
    }
  }

  async #entry(path: string): Promise<void> {
    const file = join(this.#root, path);
    const stat = await lstat(file);
    if (this.#options.include?.(path, stat.isDirectory()) === false) return;
    if (stat.isDirectory()) {
      this.#add(directoryEntry(this.#place(path), this.#mode(path, stat)));
      await this.folder(path);
    } else if (stat.isSymbolicLink()) {
      this.#add(symlinkEntry(this.#place(path), await readlink(file)));
    } else if (stat.isFile()) {
      this.#add({
        path: this.#place(path),
        type: 'file',
        mode: this.#mode(path, stat),
        size: stat.size,
        content: () => fileContent(file, stat),
      });
    } else {
      this.skipped.push({ path, reason: 'neither a file, a directory nor a symbolic link' });
    }
  }

  #add(entry: TarEntry): void {
    this.entries.push({ ...entry, uid: this.#options.uid ?? 0, gid: this.#options.gid ?? 0 });
  }

  #mode(path: string, stat: Stats): number {
    return this.#options.mode?.(path, stat) ?? normalMode(stat);
  }

  #place(path: string): string {
    return this.#options.prefix === '' ? path : `${this.#options.prefix}/${path}`;
  }
}

/**
 * Lists a folder of the host as tar entries with normalised modes. Symbolic links stay links and are never followed; contents are
 * read later, when the layer is written. Every hard-linked file is an entry of its own, because link counts of caches lie (builders.md §8.1).
 */
export async function packTree(dir: string, options: PackTreeOptions): Promise<PackedTree> {
  const packer = new Packer(dir, options);
  await packer.folder('');
  const { entries } = packer;
  if (options.prefix !== '') {
    const mode = options.mode?.('', await lstat(dir)) ?? 0o755;
    entries.push({ ...directoryEntry(options.prefix, mode), uid: options.uid ?? 0, gid: options.gid ?? 0 });
  }
  entries.sort((a, b) => compareBytes(a.path, b.path));
  return { entries, skipped: packer.skipped };
}
