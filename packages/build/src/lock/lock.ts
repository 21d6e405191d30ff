import { createHash } from 'node:crypto';
import type { Digest } from '@galley/api/digest';
import { canonicalJson } from '@galley/image/canonical-json';

/** One wheel, exactly. */
export interface LockedWheel {
  /** Normalised (PEP 503). */
  readonly name: string;
  readonly version: string;
  /** `numpy-2.4.6-cp311-cp311-….whl`. */
  readonly filename: string;
  /** 64 hexadecimal digits. */
  readonly sha256: string;
  readonly size: number;
  /** Where this machine gets it: part of the cache, never of an image, label or digest. Empty: built here, in the wheel cache. */
  readonly url: string;
  /** Of the repository itself, from a URL or from git: it changes with the code, so that no layer is shared with it. */
  readonly local?: boolean;
}

/** A pin that was replaced because this Python has no wheel for it. */
export interface PinChange {
  /** A distribution, or `Python`. */
  readonly name: string;
  readonly from: string;
  readonly to: string;
  /** Where the pin stands: `requirements.txt line 3`. */
  readonly where: string;
  readonly why: string;
}

/** What is installed in an environment. */
export interface Lock {
  /** Sorted by name. */
  readonly wheels: readonly LockedWheel[];
  /** The names that serving needs; the others (ipykernel and its own) are only there to run notebooks. */
  readonly serving: readonly string[];
  /** Pins that `modernise` replaced. */
  readonly changes?: readonly PinChange[];
}

/** The identity of a lock: names, versions and hashes. */
export function lockDigest(wheels: readonly LockedWheel[]): Digest {
  const identity = canonicalJson(wheels.map(({ name, version, sha256 }) => [name, version, sha256]));
  return `sha256:${createHash('sha256').update(identity).digest('hex')}`;
}
