import {
  chmodSync,
  closeSync,
  constants,
  fchmodSync,
  fchownSync,
  futimesSync,
  lchownSync,
  linkSync,
  lutimesSync,
  mkdirSync,
  openSync,
  rmSync,
  symlinkSync,
  writeSync,
} from 'node:fs';
import { GalleyError } from '@galley/api/error/galley-error';
import { errnoOf } from '../layout/disk-errors.ts';
import type { TarEntry } from '../tar/entry.ts';
import { Inside, statOf } from './inside.ts';

/** The ids that a workload's user namespace maps (engine.md §1.2); others own nothing inside. */
const mappedIds = 65_536;
const nobody = 65_534;

const createFlags = constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL | constants.O_NOFOLLOW;

/**
 * Makes entries as files. Synchronous on purpose: seven small calls per file cost less in a row than one trip through the thread pool. Set-id bits and
 * file capabilities are dropped (useless under no_new_privs, dangerous without), devices never come this far.
 */
export class Extractor {
  readonly #root: string;
  readonly #inside: Inside;
  readonly #shift: number;
  readonly #chown: boolean;
  /** Times of directories change while they are filled, so they are set last. */
  readonly #directoryTimes = new Map<string, number>();

  constructor(root: string, shift: number) {
    this.#root = root;
    this.#inside = new Inside(root, shift);
    this.#shift = shift;
    // An ordinary user can give nothing away; everything is then his own.
    this.#chown = process.getuid?.() === 0;
  }

  /** Makes the target, open to be entered by everybody: in an overlay it is the root of the container. */
  prepareRoot(): void {
    mkdirSync(this.#root, { recursive: true });
    chmodSync(this.#root, 0o755);
    if (this.#chown) lchownSync(this.#root, this.#shift, this.#shift);
  }

  async extract(entry: TarEntry): Promise<void> {
    const path = this.#inside.place(entry.path);
    if (entry.type === 'directory') return this.#directory(path, entry);
    if (entry.type === 'symlink') return this.#symlink(path, entry);
    if (entry.type === 'hardlink') return this.#hardlink(path, entry);
    return this.#file(path, entry);
  }

  /** Sets the times of directories; call once after the last entry. */
  finish(): void {
    for (const [path, time] of this.#directoryTimes) {
      if (statOf(path)?.isDirectory() === true) lutimesSync(path, time, time);
    }
  }

  /** Makes what must not exist yet; only where it does, which is rare, it is removed and made again. */
  #create<T>(path: string, make: () => T): T {
    try {
      return make();
    } catch (error) {
      if (errnoOf(error) !== 'EEXIST') throw error;
      this.#clear(path);
      return make();
    }
  }

  /** Removes what a later entry replaces. */
  #clear(path: string): void {
    const existing = statOf(path);
    if (existing === undefined) return;
    rmSync(path, { recursive: true });
    if (!existing.isFile()) this.#inside.forget();
  }

  #directory(path: string, entry: TarEntry): void {
    const existing = statOf(path);
    if (existing?.isDirectory() !== true) {
      if (existing !== undefined) this.#clear(path);
      mkdirSync(path, { mode: 0o700 });
    }
    if (this.#chown) lchownSync(path, this.#id(entry.uid), this.#id(entry.gid));
    chmodSync(path, entry.mode & 0o1777);
    this.#directoryTimes.set(path, entry.mtime ?? 0);
  }

  #symlink(path: string, entry: TarEntry): void {
    this.#create(path, () => symlinkSync(entry.linkTarget ?? '', path));
    if (this.#chown) lchownSync(path, this.#id(entry.uid), this.#id(entry.gid));
    lutimesSync(path, entry.mtime ?? 0, entry.mtime ?? 0);
  }

  #hardlink(path: string, entry: TarEntry): void {
    const target = this.#inside.place(entry.linkTarget ?? '');
    const stat = statOf(target);
    if (stat === undefined || stat.isDirectory()) {
      const text = `The hard link ${entry.path} of the layer leads to ${entry.linkTarget}, which is no earlier file.`;
      throw new GalleyError('IMAGE_INVALID', text, {
        details: { path: entry.path, target: entry.linkTarget },
      });
    }
    // link(2) does not follow a link in the last part, so a hard link to a symbolic link stays inside too.
    if (target !== path) this.#create(path, () => linkSync(target, path));
  }

  async #file(path: string, entry: TarEntry): Promise<void> {
    const file = this.#create(path, () => openSync(path, createFlags, 0o600));
    try {
      const content = entry.size === 0 ? undefined : entry.content?.();
      if (Buffer.isBuffer(content)) writeAll(file, content);
      else if (content !== undefined) for await (const chunk of content) writeAll(file, chunk);
      if (this.#chown) fchownSync(file, this.#id(entry.uid), this.#id(entry.gid));
      fchmodSync(file, entry.mode & 0o1777);
      futimesSync(file, entry.mtime ?? 0, entry.mtime ?? 0);
    } finally {
      closeSync(file);
    }
  }

  #id(id: number | undefined): number {
    const inner = id === undefined || id >= mappedIds ? (id === undefined ? 0 : nobody) : id;
    return inner + this.#shift;
  }
}

function writeAll(file: number, bytes: Uint8Array): void {
  for (let done = 0; done < bytes.byteLength;) done += writeSync(file, bytes, done);
}
