import { rm } from 'node:fs/promises';
import type { Emit } from '@galley/api/event';
import { GalleyError } from '@galley/api/error/galley-error';

/** More damaged things than this in one build are a broken disk. */
const repairsMax = 100;

/**
 * Does work again when something that it found in the cache or the store had been altered on the disk and was removed: this time it is made or
 * fetched anew. Throws what the work throws.
 */
export async function withRepair<Result>(
  work: () => Promise<Result>,
  { emit, object }: { readonly emit: Emit; readonly object: string },
): Promise<Result> {
  const repaired = new Set<string>();
  for (;;) {
    try {
      return await work();
    } catch (error) {
      if (!(error instanceof GalleyError) || !mayHelp(error, repaired)) throw error;
      repaired.add(error.message);
      emit({ object, phase: 'cache', step: 'make again', state: 'done', reason: error.message });
    }
  }
}

/** What is missing right after a repair was found to be damaged by who read it at the same time. What breaks again would break for ever. */
function mayHelp({ code, details, message }: GalleyError, repaired: ReadonlySet<string>): boolean {
  if (repaired.has(message) || repaired.size === repairsMax) return false;
  return details['removed'] === true || (code === 'BLOB_MISSING' && repaired.size > 0);
}

/** A file of the cache that its reader has found to be another than its hash says: removed, and said so for `withRepair`. */
export async function removeDamagedFile(error: unknown, cacheDir: string): Promise<unknown> {
  if (!(error instanceof GalleyError) || error.code !== 'DIGEST_MISMATCH') return error;
  const { path } = error.details;
  if (typeof path !== 'string' || !path.startsWith(`${cacheDir}/`)) return error;
  await rm(path, { force: true });
  return new GalleyError('DIGEST_MISMATCH', `${path} had been altered on the disk; it was removed.`, {
    hint: 'Build again: it is fetched or made anew.',
    details: { path, removed: true },
    cause: error,
  });
}
