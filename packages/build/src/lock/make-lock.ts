import { randomUUID } from 'node:crypto';
import { rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { RecordCache } from '../cache/record-cache.ts';
import { makeWorkFolder } from '../cache/work-folder.ts';
import { wheelPath } from '../wheel-cache/wheel-path.ts';
import { findUv } from '../command/host-programs.ts';
import { allowIndexes } from './allow-indexes.ts';
import type { Sdist } from './find-sdist.ts';
import { readIndexConfiguration } from './index-configuration.ts';
import type { Lock } from './lock.ts';
import { lockKey, type LockRequest } from './lock-request.ts';
import { openResolver, type ResolverOptions } from './resolver.ts';

export interface MadeLock {
  readonly lock: Lock;
  readonly cached: boolean;
  /** Packages that exist only as source, and are not in it: nothing was to be built. */
  readonly unbuilt: readonly Sdist[];
}

/**
 * Locks requirements. The same request is resolved once; afterwards its lock holds until the requirements change, so that a rebuild is
 * the same tomorrow. Throws `PACKAGE_NOT_FOUND`, `NO_WHEEL_FOR_PYTHON`, `RESOLUTION_FAILED`, `INDEX_UNREACHABLE`, `INDEX_NOT_ALLOWED`,
 * `HASH_MISMATCH`, `HOST_PROGRAM_MISSING`, and what `buildWheel` throws.
 */
export async function makeLock(request: LockRequest, options: ResolverOptions): Promise<MadeLock> {
  const records = new RecordCache<Lock>(options.cacheDir, 'locks');
  const key = lockKey(request);
  // Before what is known: an index that one person allowed is not allowed to the next.
  if ((request.indexes ?? []).length > 0) await checkIndexes(request, options);
  const known = await records.get(key);
  if (known !== undefined && (await builtWheelsArePresent(known, options.cacheDir)))
    return { lock: known, cached: true, unbuilt: [] };
  const work = await makeWorkFolder(options.cacheDir, `lock-${randomUUID()}`);
  try {
    const resolver = await openResolver(request, options, work);
    const wheels = await resolver.all();
    const serving = await resolver.serving(wheels);
    const lock: Lock = { wheels, serving: serving.map(({ name }) => name) };
    const { unbuilt } = resolver;
    // A build that asks for the same gets all of it.
    if (unbuilt.length === 0) await records.set(key, lock);
    return { lock, cached: false, unbuilt };
  } finally {
    await rm(work, { recursive: true, force: true });
  }
}

async function checkIndexes(request: LockRequest, { cacheDir, signal }: ResolverOptions): Promise<void> {
  await allowIndexes(
    request,
    await readIndexConfiguration(await findUv(), { cacheDir: join(cacheDir, 'uv'), signal }),
  );
}

/** A wheel that was built here can be fetched from nowhere: without it the lock is made again. */
async function builtWheelsArePresent(lock: Lock, cacheDir: string): Promise<boolean> {
  for (const wheel of lock.wheels) {
    if (wheel.url === '' && (await stat(wheelPath(cacheDir, wheel)).catch(() => undefined)) === undefined)
      return false;
  }
  return true;
}
