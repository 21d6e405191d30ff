import type { Emit } from '@galley/api/event';
import { GalleyError } from '@galley/api/error/galley-error';
import type { Layer } from '@galley/image/descriptor';
import { buildLayer } from '@galley/image/layer/build-layer';
import type { ImageStore } from '@galley/image/store';
import { fileEntry, type TarEntry } from '@galley/image/tar/entry';
import { toLockedPackage } from '../base/apt-uris.ts';
import { debianArchitecture, type LockedPackage } from '../base/base-lock.ts';
import type { Base } from '../base/build-base.ts';
import { fetchPackages } from '../base/fetch-packages.ts';
import { findMirrors } from '../base/mirrors.ts';
import { resolvePackages } from '../base/resolve-packages.ts';
import { unpackPackage } from '../base/unpack-package.ts';
import { RecordCache, stepKey } from '../cache/record-cache.ts';
import { baseStatus } from './base-status.ts';
import { alternativeLinks, readSetUpScript } from './set-up-script.ts';

/** Raised when the same packages would give other bytes. */
const format = 1;

/** Debian packages of a repository. */
export interface SystemLayer {
  /** Undefined: the base has all of them. */
  readonly layer: Layer | undefined;
  readonly packages: readonly LockedPackage[];
  /** Packages whose set-up script does something that is not done here. */
  readonly notSetUp: readonly string[];
  readonly cached: boolean;
}

export interface SystemLayerOptions {
  readonly store: ImageStore;
  readonly cacheDir: string;
  readonly emit: Emit;
  readonly object: string;
  readonly signal?: AbortSignal | undefined;
}

/**
 * The packages and what they need besides the base, as a layer over it. Resolved once for a base; afterwards the versions hold until the
 * names or the base change. Throws `APT_PACKAGE_UNKNOWN`, `BASE_UNAVAILABLE`, `HASH_MISMATCH`.
 */
export async function makeSystemLayer(
  names: readonly string[],
  base: Base,
  options: SystemLayerOptions,
): Promise<SystemLayer> {
  const records = new RecordCache<Omit<SystemLayer, 'cached'>>(options.cacheDir, 'system-layers');
  const key = stepKey({ format, names, base: base.lockDigest, architecture: debianArchitecture() });
  const known = await records.get(key);
  if (
    known !== undefined &&
    (known.layer === undefined || (await options.store.has(known.layer.descriptor.digest)))
  )
    return { ...known, cached: true };
  const made = await make(names, base, options);
  await records.set(key, made);
  return { ...made, cached: false };
}

async function make(
  names: readonly string[],
  base: Base,
  options: SystemLayerOptions,
): Promise<Omit<SystemLayer, 'cached'>> {
  const { signal, store } = options;
  const architecture = debianArchitecture();
  const uris = await resolvePackages(names, {
    suite: base.suite,
    architecture,
    mirrors: await findMirrors(),
    installed: await baseStatus(store, base.layer, signal),
    signal,
  }).catch((error: unknown) => {
    throw unknownPackage(error, base.suite) ?? error;
  });
  if (uris.length === 0) return { layer: undefined, packages: [], notSetUp: [] };
  const packages = uris.map(toLockedPackage).sort((a, b) => (a.name < b.name ? -1 : 1));
  const lock = {
    schema: 'galley.dev/base-lock/v1',
    suite: base.suite,
    architecture,
    python: '',
    packages,
  } as const;
  const fetched = await fetchPackages(lock, options);
  const entries = new Map<string, TarEntry>();
  const scripts: { readonly name: string; readonly script: Awaited<ReturnType<typeof readSetUpScript>> }[] =
    [];
  // One after the other: unpacked packages lie in memory until the layer is written.
  for (const [index, file] of fetched.files.entries()) {
    const name = fetched.lock.packages[index]?.name ?? file;
    const unpacked = await unpackPackage(file, signal);
    for (const entry of unpacked.entries) entries.set(entry.path, entry);
    // Beside the base's own list, as images without dpkg keep it: scanners read both.
    const status = fileEntry(`var/lib/dpkg/status.d/${name}`, `${unpacked.control}\n`);
    entries.set(status.path, status);
    scripts.push({ name, script: await readSetUpScript(file, signal) });
  }
  for (const link of alternativeLinks(scripts.map(({ script }) => script))) entries.set(link.path, link);
  const layer = await buildLayer(store, [...entries.values()], {
    createdBy: `galley system ${names.join(' ')} (${packages.length} packages)`,
    ...(signal === undefined ? {} : { signal }),
  });
  const notSetUp = scripts.filter(({ script }) => script.leavesOut).map(({ name }) => name);
  return { layer, packages: fetched.lock.packages, notSetUp };
}

/** apt names what no archive of the suite has. */
function unknownPackage(error: unknown, suite: string): GalleyError | undefined {
  if (!(error instanceof GalleyError) || !(error.cause instanceof Error)) return undefined;
  const said = error.cause.message;
  const name =
    /Unable to locate package (\S+)/.exec(said)?.[1] ??
    /Package '?([^\s']+)'? has no installation candidate/.exec(said)?.[1];
  if (name === undefined) return undefined;
  return new GalleyError(
    'APT_PACKAGE_UNKNOWN',
    `Debian ${suite} has no package ${name}, which apt.txt asks for.`,
    {
      hint: 'Names differ between releases: apt-cache search on such a machine finds them. Another Python has another release under it.',
      details: { package: name, suite },
    },
  );
}
