import { stepKey } from '../cache/record-cache.ts';
import type { IndexUse } from '../recipe/declared.ts';
import type { Requirement } from '../recipe/requirement.ts';
import type { WheelTarget } from './wheel-name.ts';

/** Raised when the same requirements would be resolved otherwise. */
const format = 2;

/** A wheel that no index has: of the repository itself, from a URL or from git. It lies in the wheel cache. */
export interface LocalWheel {
  /** Normalised (PEP 503). */
  readonly name: string;
  readonly version: string;
  readonly filename: string;
  /** 64 hexadecimal digits. */
  readonly sha256: string;
  readonly size: number;
  readonly path: string;
}

/** What the resolver starts from: a requirement of an index, or one whose wheel is already here. */
export interface Root extends Requirement {
  readonly wheel?: LocalWheel;
}

/** What is to be locked. */
export interface LockRequest {
  /** What serving needs. */
  readonly requirements: readonly Root[];
  /** What is only there to run notebooks, resolved together with the others but not served. */
  readonly running: readonly Root[];
  readonly constraints: readonly Requirement[];
  readonly prerelease: boolean;
  readonly target: WheelTarget;
  /** Indexes and pages of links that the repository names. */
  readonly indexes?: readonly IndexUse[];
  /** Those of them that the person who builds allowed. */
  readonly allowedIndexes?: readonly string[];
  /** RFC 3339: nothing that was published later is taken, our own roots excepted. */
  readonly asOf?: string | undefined;
  /** Replace pins that have no wheel here. */
  readonly modernise?: boolean;
}

/** The key under which a lock is found again: the requirements as they are written, never the address of the machine's index. */
export function lockKey(request: LockRequest): string {
  return stepKey({ ...identity(request), target: [request.target.python, request.target.machine] });
}

/** The key of what is asked for, whatever the Python. */
export function requirementsKey(request: Omit<LockRequest, 'target'>): string {
  return stepKey(identity(request));
}

function identity(request: Omit<LockRequest, 'target'>): object {
  const lines = (list: readonly Root[]): readonly string[] =>
    list.map((root) => [rootLine(root, (wheel) => wheel.sha256), ...root.hashes].join(' ')).sort();
  return {
    format,
    roots: lines(request.requirements),
    running: lines(request.running),
    constraints: lines(request.constraints),
    prerelease: request.prerelease,
    indexes: [...new Set((request.indexes ?? []).map(({ url, kind }) => `${kind} ${url}`))].sort(),
    asOf: request.asOf ?? '',
    modernise: request.modernise ?? false,
  };
}

/** A root as PEP 508; `place` says where a local wheel is. */
export function rootLine(root: Root, place: (wheel: LocalWheel) => string): string {
  const { wheel, direct } = root;
  if (wheel === undefined) return root.line;
  const marker = direct === undefined || direct.marker === '' ? '' : ` ${direct.marker}`;
  return `${wheel.name}${direct?.extras ?? ''} @ ${place(wheel)}${marker}`;
}
