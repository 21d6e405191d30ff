import { basename, join } from 'node:path';
import type { Emit } from '@galley/api/event';
import { GalleyError } from '@galley/api/error/galley-error';
import { downloadAll } from '../download/download-all.ts';
import type { KnownFile } from '../download/download-file.ts';
import { makeWorkFolder } from '../cache/work-folder.ts';
import { toLockedPackage } from './apt-uris.ts';
import type { BaseLock, LockedPackage } from './base-lock.ts';
import { findMirrors, type Mirrors } from './mirrors.ts';
import { resolvePackages } from './resolve-packages.ts';

export interface FetchedBase {
  /** What the base is really made of: the committed lock, or with the present versions of what has left the mirror. */
  readonly lock: BaseLock;
  /** A .deb each, in the order of the lock's packages. */
  readonly files: readonly string[];
}

export interface FetchOptions {
  readonly cacheDir: string;
  readonly emit: Emit;
  readonly object: string;
  readonly signal?: AbortSignal | undefined;
}

/**
 * The lock's packages on disk, each verified. Debian keeps only the present version in its pool, so a locked one may be gone: then
 * the present one is taken, which is said in an event and recorded in the lock that comes back. Throws `BASE_UNAVAILABLE`, `HASH_MISMATCH`.
 */
export async function fetchPackages(lock: BaseLock, options: FetchOptions): Promise<FetchedBase> {
  const mirrors = await findMirrors();
  const first = await download(lock.packages, mirrors, options);
  if (first.missing.length === 0) return { lock, files: first.paths };
  const gone = first.missing.map(({ name, version }) => `${name} ${version}`);
  options.emit({
    object: options.object,
    phase: 'base',
    step: 'packages',
    state: 'progress',
    reason: `no longer on the mirror, present versions are used: ${gone.join(', ')}`,
  });
  const now = new Map(
    (
      await resolvePackages(
        lock.packages.map(({ name }) => name),
        { suite: lock.suite, architecture: lock.architecture, mirrors, signal: options.signal },
      )
    ).map((uri) => [uri.name, toLockedPackage(uri)]),
  );
  // All of them, not only those that are gone: packages of one source (python3.11, libpython3.11-stdlib) belong together.
  const packages = lock.packages.map((item) => now.get(item.name) ?? item);
  const second = await download(packages, mirrors, options);
  if (second.missing.length > 0) throw unavailable(second.missing);
  return { lock: { ...lock, packages }, files: second.paths };
}

async function download(
  packages: readonly LockedPackage[],
  mirrors: Mirrors,
  options: FetchOptions,
): Promise<{ paths: readonly string[]; missing: readonly LockedPackage[] }> {
  const files = packages.map((item): KnownFile => ({
    name: `${item.name} ${item.version}`,
    urls: mirrors[item.archive].map((root) => `${root}/${encodePath(item.path)}`),
    sha256: item.sha256,
    size: item.size,
    path: join(options.cacheDir, 'debs', item.sha256, `${item.name}.deb`),
  }));
  if (mirrors.main.length === 0 && files.length > 0) throw unavailable(packages);
  const { emit, object, signal } = options;
  const temporaryDir = await makeWorkFolder(options.cacheDir, 'downloads');
  const done = await downloadAll(files, {
    emit,
    object,
    phase: 'base',
    temporaryDir,
    signal,
    // Nobody who unpacks one looks at its hash.
    hash: true,
  }).catch((cause: unknown) => {
    if (cause instanceof GalleyError || options.signal?.aborted === true) throw cause;
    throw unavailable(packages, cause);
  });
  const missing = new Set(done.missing.map(({ sha256 }) => sha256));
  return {
    paths: files.map(({ path }) => path),
    missing: packages.filter(({ sha256 }) => missing.has(sha256)),
  };
}

/** Debian's mirrors expect `+` and `:` as they are spelt in the archive: percent-encoded, as apt asks for them. */
function encodePath(path: string): string {
  return path.split('/').map(encodeURIComponent).join('/');
}

function unavailable(packages: readonly LockedPackage[], cause?: unknown): GalleyError {
  const names = packages.slice(0, 5).map(({ path }) => basename(path));
  return new GalleyError(
    'BASE_UNAVAILABLE',
    `${packages.length} packages of the base cannot be fetched: ${names.join(', ')}.`,
    {
      hint: 'Set GALLEY_DEBIAN_MIRROR to a Debian mirror that this machine reaches.',
      details: { packages: names },
      ...(cause === undefined ? {} : { cause }),
    },
  );
}
