import { GalleyError } from '@galley/api/error/galley-error';
import type { Layer } from '@galley/image/descriptor';
import { buildLayer } from '@galley/image/layer/build-layer';
import type { ImageStore } from '@galley/image/store';
import { fileEntry, type TarEntry } from '@galley/image/tar/entry';
import { toLockedPackage } from '../base/apt-uris.ts';
import { debianArchitecture, type LockedPackage } from '../base/base-lock.ts';
import type { Base } from '../base/build-base.ts';
import { fetchPackages, type FetchedBase } from '../base/fetch-packages.ts';
import { findMirrors } from '../base/mirrors.ts';
import { resolvePackages } from '../base/resolve-packages.ts';
import { asInstalled } from '../base/system-files.ts';
import { unpackPackage } from '../base/unpack-package.ts';
import { RecordCache, stepKey } from '../cache/record-cache.ts';
import { baseStatus } from './base-status.ts';
import { installOrder } from './install-order.ts';
import { alternativeLinks, readSetUpScript, type SetUpScript } from './set-up-script.ts';
import { runSetUpScripts, type SetUpOptions } from './set-up-step.ts';

/** Raised when the same packages would give other bytes. */
const format = 2;

/** Debian packages of a repository. */
export interface SystemLayer {
  /** The packages, then what their set-up scripts changed. None: the base has all of them. */
  readonly layers: readonly Layer[];
  readonly packages: readonly LockedPackage[];
  /** Packages whose set-up script failed. */
  readonly notSetUp: readonly string[];
  readonly cached: boolean;
}

export type SystemLayerOptions = SetUpOptions;

/**
 * The packages and what they need besides the base, as a layer over it. Resolved once for a base; afterwards the versions hold until the
 * names or the base change. Throws `APT_PACKAGE_UNKNOWN`, `BASE_UNAVAILABLE`, `HASH_MISMATCH`.
 */
export async function makeSystemLayer(
  names: readonly string[],
  base: Base,
  options: SystemLayerOptions,
): Promise<SystemLayer> {
  const { store, cacheDir } = options.context;
  const records = new RecordCache<Omit<SystemLayer, 'cached'>>(cacheDir, 'system-layers');
  const key = stepKey({ format, names, base: base.lockDigest, architecture: debianArchitecture() });
  const known = await records.get(key);
  if (known !== undefined && (await allPresent(known.layers, store))) return { ...known, cached: true };
  const made = await make(names, base, options);
  await records.set(key, made);
  return { ...made, cached: false };
}

async function allPresent(layers: readonly Layer[], store: ImageStore): Promise<boolean> {
  for (const { descriptor } of layers) if (!(await store.has(descriptor.digest))) return false;
  return true;
}

async function make(
  names: readonly string[],
  base: Base,
  options: SystemLayerOptions,
): Promise<Omit<SystemLayer, 'cached'>> {
  const { context, object } = options;
  const { store, cacheDir, emit, signal } = context;
  const architecture = debianArchitecture();
  const installed = await baseStatus(store, base.layer, signal);
  const uris = await resolvePackages(names, {
    suite: base.suite,
    architecture,
    mirrors: await findMirrors(),
    installed,
    signal,
  }).catch((error: unknown) => {
    throw unknownPackage(error, base.suite) ?? error;
  });
  if (uris.length === 0) return { layers: [], packages: [], notSetUp: [] };
  const packages = uris.map(toLockedPackage).sort((a, b) => (a.name < b.name ? -1 : 1));
  const lock = {
    schema: 'galley.dev/base-lock/v1',
    suite: base.suite,
    architecture,
    python: '',
    packages,
  } as const;
  const fetched = await fetchPackages(lock, { cacheDir, emit, object, signal });
  const unpacked = await unpackAll(fetched, signal);
  const layer = await buildLayer(store, unpacked.entries, {
    createdBy: `galley system ${names.join(' ')} (${packages.length} packages)`,
    signal,
  });
  const { controls, scripts } = unpacked;
  const run = installOrder(controls).flatMap((name) => {
    const script = scripts.get(name);
    return script?.mustRun === true ? [{ name, text: script.text, beside: script.beside }] : [];
  });
  if (run.length === 0) return { layers: [layer], packages: fetched.lock.packages, notSetUp: [] };
  const status = [installed, ...[...controls.values()].map(asInstalled)].join('\n');
  const setUp = { base: base.layer, system: layer, suite: base.suite, status, scripts: run };
  const result = await runSetUpScripts(setUp, options);
  return {
    layers: [layer, ...(result.layer === undefined ? [] : [result.layer])],
    packages: fetched.lock.packages,
    notSetUp: result.failed,
  };
}

interface Unpacked {
  readonly entries: readonly TarEntry[];
  readonly controls: ReadonlyMap<string, string>;
  readonly scripts: ReadonlyMap<string, SetUpScript>;
}

async function unpackAll({ files, lock }: FetchedBase, signal: AbortSignal): Promise<Unpacked> {
  const entries = new Map<string, TarEntry>();
  const controls = new Map<string, string>();
  const scripts = new Map<string, SetUpScript>();
  // One after the other: unpacked packages lie in memory until the layer is written.
  for (const [index, file] of files.entries()) {
    const name = lock.packages[index]?.name ?? file;
    const unpacked = await unpackPackage(file, signal);
    for (const entry of unpacked.entries) entries.set(entry.path, entry);
    // Beside the base's own list, as images without dpkg keep it: scanners read both.
    const status = fileEntry(`var/lib/dpkg/status.d/${name}`, `${unpacked.control}\n`);
    entries.set(status.path, status);
    controls.set(name, unpacked.control);
    scripts.set(name, await readSetUpScript(file, signal));
  }
  for (const link of alternativeLinks([...scripts.values()])) entries.set(link.path, link);
  return { entries: [...entries.values()], controls, scripts };
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
