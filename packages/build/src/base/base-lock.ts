import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import type { Digest } from '@galley/api/digest';
import { GalleyError } from '@galley/api/error/galley-error';
import { canonicalJson } from '@galley/image/canonical-json';

/** One Debian package, exactly. */
export interface LockedPackage {
  readonly name: string;
  readonly version: string;
  /** Which archive of the distribution holds it: `main`, or `security` for what `SUITE-security` brought. */
  readonly archive: 'main' | 'security';
  /** `pool/main/d/dash/dash_0.5.12-2_amd64.deb`, below the archive's root. */
  readonly path: string;
  readonly size: number;
  /** 64 hexadecimal digits. */
  readonly sha256: string;
}

/** What a base is made of. It is chosen once and committed: never what happens to be reachable (DESIGN.md §4). */
export interface BaseLock {
  readonly schema: 'galley.dev/base-lock/v1';
  readonly suite: string;
  /** Debian's name: `amd64`, `arm64`. */
  readonly architecture: string;
  /** `3.11`. */
  readonly python: string;
  /** Sorted by name. */
  readonly packages: readonly LockedPackage[];
}

/** Python x.y → the Debian suite that has it, the default first. Only suites whose lock is committed. */
export const suites: readonly { readonly python: string; readonly suite: string }[] = [
  { python: '3.11', suite: 'bookworm' },
  { python: '3.13', suite: 'trixie' },
  { python: '3.9', suite: 'bullseye' },
];

/** Versions of Python for which there is a base, the default first. */
export const supportedPythons: readonly string[] = suites.map(({ python }) => python);

/** Debian's name of this machine's processor. */
export function debianArchitecture(): string {
  return process.arch === 'x64' ? 'amd64' : process.arch;
}

/** The committed lock of a suite. Throws `BASE_UNAVAILABLE` when none is committed for this architecture. */
export async function readBaseLock(python: string, architecture = debianArchitecture()): Promise<BaseLock> {
  const suite = suites.find((candidate) => candidate.python === python)?.suite;
  const file = new URL(`./${suite}-${architecture}.lock.json`, import.meta.url);
  const text = await readFile(file, 'utf8').catch(() => undefined);
  if (text === undefined) {
    throw new GalleyError('BASE_UNAVAILABLE', `There is no base of Python ${python} for ${architecture}.`, {
      hint: `Write its lock: node packages/build/src/base/update/main.ts ${suite ?? 'SUITE'} ${architecture}`,
      details: { python, architecture },
    });
  }
  // Our own committed file.
  return JSON.parse(text) as BaseLock;
}

/** The identity of a base: names, versions and hashes; not where they lie in an archive. */
export function baseLockDigest(lock: BaseLock): Digest {
  const packages = lock.packages.map(({ name, version, sha256 }) => [name, version, sha256]);
  const identity = canonicalJson([lock.suite, lock.architecture, lock.python, packages]);
  return `sha256:${createHash('sha256').update(identity).digest('hex')}`;
}
