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
import type { HostInterpreter } from './host-interpreter.ts';
import { interpreterEntries, interpreterFingerprint, interpreterPrefix } from './interpreter-entries.ts';
import type { BasePlan } from './plan-base.ts';
import { systemFiles } from './system-files.ts';
import { unpackPackage, type UnpackedPackage } from './unpack-package.ts';

/** Raised when the same packages would give other bytes: what is left out, what is added, how it is laid. */
const format = 3;

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
  /** Absolute, in the image: `/usr/bin/python3.11`. */
  readonly interpreter: string;
  /** False: the interpreter is this machine's own, and no other machine would make the same. */
  readonly reproducible: boolean;
  readonly cached: boolean;
}

export interface BuildBaseOptions {
  readonly store: ImageStore;
  readonly cacheDir: string;
  readonly emit: Emit;
  readonly object: string;
  readonly signal?: AbortSignal | undefined;
}

/** The base of a plan, from the cache when it was made before. Throws `BASE_UNAVAILABLE`, `INTERPRETER_UNUSABLE`, `HASH_MISMATCH`, `DISK_FULL`. */
export async function buildBase(plan: BasePlan, options: BuildBaseOptions): Promise<Base> {
  const { lock, interpreter } = plan;
  const records = new RecordCache<Omit<Base, 'cached'>>(options.cacheDir, 'bases');
  // Known without fetching or reading anything of it.
  const own = interpreter === undefined ? undefined : await interpreterFingerprint(interpreter);
  const key = stepKey({ format, base: baseLockDigest(lock), ...(own === undefined ? {} : { own }) });
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
  const tree = await treeOf(unpacked, fetched.lock, interpreter, options.signal);
  const layer = await buildLayer(options.store, tree, {
    createdBy: `galley base ${lock.suite} (${fetched.lock.packages.length} packages)`,
    ...(options.signal === undefined ? {} : { signal: options.signal }),
  });
  const python = interpreter?.python ?? lock.python;
  const base = {
    layer,
    // Of an interpreter that nobody locked the bytes are the identity.
    lockDigest: interpreter === undefined ? baseLockDigest(fetched.lock) : layer.diffId,
    suite: lock.suite,
    python,
    pythonFull: interpreter?.pythonFull ?? versionOf(fetched.lock),
    interpreter: pathOf(python, interpreter),
    reproducible: interpreter === undefined,
  };
  await records.set(key, base);
  return { ...base, cached: false };
}

/** Where it finds its library by its own place; a link to it would lead a venv astray (PEP 405, `home`). */
function pathOf(python: string, interpreter: HostInterpreter | undefined): string {
  return `${interpreter === undefined ? '/usr' : interpreterPrefix(interpreter)}/bin/python${python}`;
}

/** The packages, the host's interpreter where there is one, and what maintainer scripts would have made. */
async function treeOf(
  unpacked: readonly UnpackedPackage[],
  lock: BaseLock,
  interpreter: HostInterpreter | undefined,
  signal: AbortSignal | undefined,
): Promise<readonly TarEntry[]> {
  const merged = mergePackages(unpacked, lock);
  if (interpreter !== undefined) {
    const present = new Set([...merged.keys()].map((path) => path.slice(path.lastIndexOf('/') + 1)));
    for (const entry of await interpreterEntries(interpreter, present, signal)) merged.set(entry.path, entry);
  }
  const certificates = [...merged.values()]
    .filter(({ path }) => path.startsWith('usr/share/ca-certificates/') && path.endsWith('.crt'))
    .sort((a, b) => (a.path < b.path ? -1 : 1))
    .map((entry) => entry.content?.() as Buffer); // of a package: in memory, see unpackPackage
  const controls = unpacked.map(({ control }) => control).sort();
  const python = interpreter?.python ?? lock.python;
  for (const entry of systemFiles({
    python,
    interpreter: pathOf(python, interpreter),
    certificates,
    controls,
  })) {
    merged.set(entry.path, entry);
  }
  return [...merged.values()];
}

/** `3.11.2` of `3.11.2-6+deb12u9`. */
function versionOf(lock: BaseLock): string {
  const version = lock.packages.find(({ name }) => name === `python${lock.python}`)?.version ?? '';
  return /^(?:\d+:)?(\d+\.\d+\.\d+)/.exec(version)?.[1] ?? lock.python;
}

/** All packages in one tree. Two packages with one file is a fault of the lock. */
function mergePackages(unpacked: readonly UnpackedPackage[], lock: BaseLock): Map<string, TarEntry> {
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
  return merged;
}
