import { createHash, randomBytes } from 'node:crypto';
import { mkdir, open, readFile, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { canonicalJson } from '@galley/image/canonical-json';
import { diskError } from '@galley/image/layout/disk-errors';
import { openSealed, sealText } from '@galley/image/sealed-text';
import { makeWorkFolder } from './work-folder.ts';

/** The key of a step: the hash of everything that decides its result. 64 hexadecimal digits. */
export function stepKey(parts: unknown): string {
  return createHash('sha256').update(canonicalJson(parts)).digest('hex');
}

/** Results of one kind of step by key, as sealed JSON in a folder. Values are ours: nothing of a workload lands here unchecked. */
export class RecordCache<Value> {
  readonly #cacheDir: string;
  readonly #folder: string;

  constructor(cacheDir: string, kind: string) {
    this.#cacheDir = cacheDir;
    this.#folder = join(cacheDir, kind);
  }

  /** Undefined: never done, or the file is damaged (then it is done again). */
  async get(key: string): Promise<Value | undefined> {
    const sealed = await readFile(this.#path(key), 'utf8').catch(() => '');
    const text = openSealed(key, sealed);
    // Sealed by `set`.
    return text === undefined ? undefined : (JSON.parse(text) as Value);
  }

  /** Atomic: a reader sees the old value or the new one, also after a crash. Throws `DISK_FULL`. */
  async set(key: string, value: Value): Promise<void> {
    try {
      await this.#write(key, value);
    } catch (error) {
      throw diskError(error, this.#folder);
    }
  }

  async #write(key: string, value: Value): Promise<void> {
    await mkdir(this.#folder, { recursive: true });
    const path = this.#path(key);
    const temporary = join(await makeWorkFolder(this.#cacheDir, 'records'), randomBytes(8).toString('hex'));
    const handle = await open(temporary, 'wx', 0o600);
    try {
      await handle.writeFile(sealText(key, JSON.stringify(value)));
      await handle.datasync();
      await rename(temporary, path);
    } finally {
      await handle.close();
      // Nothing half-written is kept on a full disk; after the rename it is not there.
      await rm(temporary, { force: true });
    }
  }

  async delete(key: string): Promise<void> {
    await rm(this.#path(key), { force: true });
  }

  #path(key: string): string {
    return join(this.#folder, `${key}.record`);
  }
}
