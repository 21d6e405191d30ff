import { readdir, rename, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { isDigest, type Digest } from '@galley/api/digest';
import type { BlobCount, PruneAnswer } from '@galley/api/http/messages';
import { isMissing } from '../layout/disk-errors.ts';
import { asideFile, blobFile } from '../layout/pending-blob.ts';
import { liveLeases, slackMs, type LiveLease } from '../lease/lease.ts';
import type { ImageStore } from '../store.ts';
import { reachable } from './reachable.ts';

export interface PruneOptions {
  /** What must stay besides what tags lead to: asked when nothing can be tagged any more, so that it is complete. */
  readonly keep: () => Promise<Iterable<Digest>>;
  /** Blobs that were written or found within so many milliseconds stay. */
  readonly olderThanMs: number;
  /** Only tell. */
  readonly dryRun: boolean;
  readonly now: () => number;
  readonly signal?: AbortSignal;
}

class Count {
  blobs = 0;
  bytes = 0;

  add(bytes: number): void {
    this.blobs += 1;
    this.bytes += bytes;
  }

  toJSON(): BlobCount {
    return { blobs: this.blobs, bytes: this.bytes };
  }
}

/**
 * Removes blobs that nothing leads to. Safe beside builds, pushes and pulls, in this process and others: a blob that was written or found since
 * the oldest lease began stays, tags cannot move meanwhile, and a blob that is found at the very moment comes back. Only the owner of the store calls it.
 */
export async function pruneStore(store: ImageStore, options: PruneOptions): Promise<PruneAnswer> {
  return store.exclusive(async () => {
    const nowMs = options.now();
    const leases = await liveLeases(store.root, nowMs);
    // Who takes a lease only now touches what they find from now on, and that is after the cutoff as well.
    const cutoffMs = cutoffOf(leases, nowMs - options.olderThanMs);
    const needed = await reachable(store, await options.keep());
    const [removed, kept, young] = [new Count(), new Count(), new Count()];
    for (const name of await readdir(join(store.root, 'blobs', 'sha256'))) {
      options.signal?.throwIfAborted();
      const digest = `sha256:${name}`;
      if (!isDigest(digest)) continue;
      const found = await statBlob(store, digest);
      if (found === undefined) continue;
      if (needed.has(digest)) kept.add(found.size);
      else if (found.mtimeMs >= cutoffMs) young.add(found.size);
      else if (options.dryRun || (await removeUntouched(store, digest, cutoffMs))) removed.add(found.size);
      else young.add(found.size);
    }
    return {
      dryRun: options.dryRun,
      removed: removed.toJSON(),
      needed: kept.toJSON(),
      young: young.toJSON(),
      leases: leases.map(({ purpose, pid, startedMs }) => ({ purpose, pid, startedMs })),
    };
  });
}

async function statBlob(
  store: ImageStore,
  digest: Digest,
): Promise<{ size: number; mtimeMs: number } | undefined> {
  try {
    return await stat(store.blobPath(digest));
  } catch (error) {
    if (isMissing(error)) return undefined;
    throw error;
  }
}

/** A blob that was touched after this may be needed by somebody who holds one of the leases. */
export function cutoffOf(leases: readonly LiveLease[], latestMs: number): number {
  return Math.min(latestMs, ...leases.map((lease) => lease.startedMs)) - slackMs;
}

/**
 * Takes a blob out of sight first and looks again: whoever found it in between has touched it, and then it goes back. False: it went back.
 * What a kill leaves behind is removed with everything else in `ingest/`.
 */
export async function removeUntouched(store: ImageStore, digest: Digest, cutoffMs: number): Promise<boolean> {
  const path = blobFile(store.root, digest);
  const aside = asideFile(store.root, digest);
  await rename(path, aside);
  const { mtimeMs } = await stat(aside);
  if (mtimeMs >= cutoffMs) {
    await rename(aside, path);
    return false;
  }
  await rm(aside, { force: true });
  return true;
}
