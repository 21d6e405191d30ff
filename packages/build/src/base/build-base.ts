import type { Emit } from '@galley/api/event';
import { GalleyError } from '@galley/api/error/galley-error';
import type { Layer } from '@galley/image/descriptor';
import { buildLayer } from '@galley/image/layer/build-layer';
import type { ImageStore } from '@galley/image/store';
import type { TarEntry } from '@galley/image/tar/entry';
import PQueue from 'p-queue';
import { RecordCache, stepKey } from '../cache/record-cache.ts';
import { baseLockDigest, type BaseLock } from './base-lock.ts';
import { fetchPackages } from './fetch-packages.ts';
import { systemFiles } from './system-files.ts';
import { unpackPackage, type UnpackedPackage } from './unpack-package.ts';

/** Raised when the same packages would give other bytes: what is left out, what is added, how it is laid. */
const format = 2;

/** A base image's layer and what it is made of. */
export interface Base {
  readonly layer: Layer;
  /** Of the lock that it was really made of. */
  readonly lockDigest: string;
  readonly suite: string;
  /** `3.11`. */
  readonly python: string;
  /** `3.11.2`. */
  readonly pythonFull: string;
  readonly cached: boolean;
}

export interface BuildBaseOptions {
  readonly store: ImageStore;
  readonly cacheDir: string;
  readonly emit: Emit;
  readonly object: string;
  readonly signal?: AbortSignal | undefined;
}

/** The key under which a base is found again, known without fetching anything. */
export function baseKey(lock: BaseLock): string {
  return stepKey({ format, base: baseLockDigest(lock) });
}

/** The base of a lock, from the cache when it was made before. Throws `BASE_UNAVAILABLE`, `HASH_MISMATCH`, `DISK_FULL`. */
export async function buildBase(lock: BaseLock, options: BuildBaseOptions): Promise<Base> {
  const records = new RecordCache<Omit<Base, 'cached'>>(options.cacheDir, 'bases');
  const key = baseKey(lock);
  const known = await records.get(key);
  if (known !== undefined && (await options.store.has(known.layer.descriptor.digest)))
    return { ...known, cached: true };
  const fetched = await fetchPackages(lock, options);
  const { emit, object } = options;
  const queue = new PQueue({ concurrency: 2 });
  let done = 0;
  const unpacked = await Promise.all(
    fetched.files.map((file, index) =>
      queue.add(async () => {
        const result = await unpackPackage(file, options.signal);
        done += 1;
        const step = fetched.lock.packages[index]?.name ?? file;
        emit({
          object,
          phase: 'base',
          step,
          state: 'progress',
          unit: 'files',
          done,
          total: fetched.files.length,
        });
        return result;
      }),
    ),
  );
  const pythonFull = versionOf(fetched.lock);
  const layer = await buildLayer(options.store, mergePackages(unpacked, fetched.lock), {
    createdBy: `galley base ${lock.suite} (${fetched.lock.packages.length} packages)`,
    ...(options.signal === undefined ? {} : { signal: options.signal }),
  });
  const base = {
    layer,
    lockDigest: baseLockDigest(fetched.lock),
    suite: lock.suite,
    python: lock.python,
    pythonFull,
  };
  await records.set(key, base);
  return { ...base, cached: false };
}

/** `3.11.2` of `3.11.2-6+deb12u9`. */
function versionOf(lock: BaseLock): string {
  const version = lock.packages.find(({ name }) => name === `python${lock.python}`)?.version ?? '';
  return /^(?:\d+:)?(\d+\.\d+\.\d+)/.exec(version)?.[1] ?? lock.python;
}

/** All packages in one tree, then what scripts would have made. Two packages with one file is a fault of the lock. */
function mergePackages(unpacked: readonly UnpackedPackage[], lock: BaseLock): readonly TarEntry[] {
  const merged = new Map<string, TarEntry>();
  for (const entry of unpacked.flatMap(({ entries }) => entries)) {
    const known = merged.get(entry.path);
    if (known === undefined) merged.set(entry.path, entry);
    else if (known.type !== 'directory' || entry.type !== 'directory') {
      throw new GalleyError('BASE_UNAVAILABLE', `Two packages of the base hold ${entry.path}.`, {
        details: { path: entry.path, suite: lock.suite },
      });
    }
  }
  const certificates = [...merged.values()]
    .filter(({ path }) => path.startsWith('usr/share/ca-certificates/') && path.endsWith('.crt'))
    .sort((a, b) => (a.path < b.path ? -1 : 1))
    .map((entry) => entry.content?.() as Buffer); // of a package: in memory, see unpackPackage
  const controls = unpacked.map(({ control }) => control).sort();
  for (const entry of systemFiles({ python: lock.python, certificates, controls })) {
    merged.set(entry.path, entry);
  }
  return [...merged.values()];
}
