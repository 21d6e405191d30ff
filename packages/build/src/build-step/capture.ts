import type { Readable } from 'node:stream';
import { GalleyError } from '@galley/api/error/galley-error';
import { readEntry } from '@galley/image/tar/read-entry';
import type { TarEntry } from '@galley/image/tar/entry';
import { readTar } from '@galley/image/tar/read-tar';
import { parseWhiteout, type Whiteout } from '@galley/image/tar/whiteout';
import type { SecretSearch } from '../secret/secret-search.ts';
import type { ChangedEntry, Changes } from './changes.ts';
import { isPackageCache, isScratch, isStaleBytecode, sourceOfBytecode } from './left-out.ts';
import { Spool, type Spooled } from './spool.ts';

export interface CaptureOptions {
  /** Whose change it is, for errors: `assemble`. */
  readonly step: string;
  /** A private file of this build that does not exist yet. */
  readonly spool: string;
  readonly entriesMax: number;
  readonly bytesMax: number;
  /** Paths that are left out with all below them. */
  readonly omit: readonly string[];
  readonly keepCaches: boolean;
  readonly collect: readonly string[];
  readonly secrets: SecretSearch;
  readonly signal: AbortSignal;
}

const collectedBytesMax = 1 << 20;

/** What was left out although the step wrote it. */
interface Dropped {
  readonly setId: string[];
  caches: number;
}

/**
 * Takes in what a step changed. The stream is hostile: names and sizes are checked by the reader, what is no file, directory or symlink is refused,
 * set-id bits are dropped and told, and a file that holds the value of a secret fails the build. Symlinks stay as they are: nothing of ours follows
 * them. Throws `OUTPUT_INVALID`, `OUTPUT_REFUSED`, `SECRET_IN_LAYER`.
 */
export async function captureChanges(tar: Readable, options: CaptureOptions): Promise<Changes> {
  const spool = await Spool.create(options.spool);
  try {
    return await new Capture(spool, options).take(tar);
  } catch (error) {
    options.signal.throwIfAborted();
    if (!(error instanceof GalleyError) || error.code !== 'IMAGE_INVALID') throw error;
    const text = `What ${options.step} changed in the image is refused: ${error.message}`;
    throw new GalleyError('OUTPUT_INVALID', text, {
      hint: 'Let the script write plain files, folders and links only.',
      cause: error,
    });
  } finally {
    await spool.close();
  }
}

class Capture {
  readonly #spool: Spool;
  readonly #options: CaptureOptions;
  readonly #entries = new Map<string, ChangedEntry>();
  readonly #whiteouts: Whiteout[] = [];
  readonly #stale: string[] = [];
  readonly #collected = new Map<string, Buffer>();
  readonly #dropped: Dropped = { setId: [], caches: 0 };

  constructor(spool: Spool, options: CaptureOptions) {
    this.#spool = spool;
    this.#options = options;
  }

  async take(tar: Readable): Promise<Changes> {
    const { entriesMax, bytesMax, signal } = this.#options;
    for await (const entry of readTar(tar, { entriesMax, bytesMax }, signal)) await this.#entry(entry);
    // Bytecode of sources that lie below keeps its worth: they were unpacked with the times that it names.
    for (const path of this.#stale) if (this.#entries.has(sourceOfBytecode(path))) this.#entries.delete(path);
    return {
      entries: [...this.#entries.values()],
      whiteouts: this.#whiteouts,
      warnings: this.#warnings(),
      collected: this.#collected,
    };
  }

  async #entry(entry: TarEntry): Promise<void> {
    const { path } = entry;
    const whiteout = parseWhiteout(path);
    const place = whiteout?.path ?? path;
    if (this.#isOmitted(place)) {
      // Its content can be read once: nothing that is collected is a part of the change as well.
      if (this.#options.collect.includes(path)) await this.#collect(entry);
      return;
    }
    if (!this.#options.keepCaches && isPackageCache(place)) {
      this.#dropped.caches += entry.size;
      return;
    }
    if (whiteout !== undefined) {
      this.#whiteouts.push(whiteout);
      return;
    }
    const { content: _, uid = 0, gid = 0, ...rest } = entry;
    if (entry.type === 'file' && (entry.mode & 0o6000) !== 0) this.#dropped.setId.push(path);
    const taken = { ...rest, mode: entry.mode & 0o1777, uid, gid };
    if (entry.type !== 'file') this.#entries.set(path, taken);
    else this.#entries.set(path, { ...taken, ...(await this.#file(entry)) });
  }

  async #collect(entry: TarEntry): Promise<void> {
    const content = await readEntry(entry, collectedBytesMax);
    if (content === undefined) return;
    const search = this.#options.secrets.begin();
    search.see(content);
    if (search.found !== undefined) throw secretFound(this.#options.step, entry.path, search.found);
    this.#collected.set(entry.path, content);
  }

  async #file(entry: TarEntry): Promise<Spooled> {
    const { path } = entry;
    const search = this.#options.secrets.begin();
    let head = Buffer.alloc(0);
    const spooled = await this.#spool.append(entry, (chunk) => {
      if (head.length < 16) head = Buffer.concat([head, chunk.subarray(0, 16 - head.length)]);
      search.see(chunk);
    });
    if (search.found !== undefined) throw secretFound(this.#options.step, path, search.found);
    if (isStaleBytecode(path, head)) this.#stale.push(path);
    return spooled;
  }

  #isOmitted(path: string): boolean {
    if (path !== '' && isScratch(path)) return true;
    return this.#options.omit.some((folder) => path === folder || path.startsWith(`${folder}/`));
  }

  #warnings(): readonly string[] {
    const { setId, caches } = this.#dropped;
    const warnings: string[] = [];
    if (setId.length > 0) {
      const named = setId.slice(0, 5).join(', ');
      const more = setId.length > 5 ? ` and ${setId.length - 5} more` : '';
      warnings.push(`set-id bits were dropped: ${named}${more}`);
    }
    if (caches > 0) warnings.push(`${Math.ceil(caches / 1e6)} MB of download caches were left out`);
    return warnings;
  }
}

function secretFound(step: string, path: string, secret: string): GalleyError {
  return new GalleyError('SECRET_IN_LAYER', `${step} wrote the value of ${secret} into ${path}.`, {
    hint: 'Let the script read the secret where it is used, and not copy it: it is gone when the step has ended.',
    details: { step, path, secret },
  });
}
