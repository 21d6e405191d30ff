import { randomUUID } from 'node:crypto';
import { mkdir, readdir, readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { isObject } from '@galley/api/json-object';
import { replaceFile } from '../layout/replace-file.ts';
import { identifyProcess, processLives, type ProcessIdentity } from './process-identity.ts';

/** After a lease is given back its blobs are kept for so long: whoever held it may still be writing down where they are. */
export const graceMs = 10 * 60_000;

/**
 * A blob counts as touched since a lease began also if it was touched so long before: a blob is marked at most every ten seconds, and the clock of
 * a file system lags behind by some milliseconds.
 */
export const slackMs = 15_000;

/** Keeps blobs that are written or found from now on, until it is given back or its process dies. */
export interface Lease {
  /** Harmless twice. */
  release(): Promise<void>;
}

/** A lease that counts. */
export interface LiveLease {
  /** What for: `build iris`, `uploads`. */
  readonly purpose: string;
  readonly pid: number;
  /** Milliseconds since the epoch: blobs that were touched after this are kept. */
  readonly startedMs: number;
  /** It was not given back yet. */
  readonly isHeld: boolean;
}

const folderOf = (root: string): string => join(root, 'leases');

/** Takes a lease: before the first blob is looked for, or it might go between being found and being named (engine.md §2). */
export async function takeLease(root: string, purpose: string, now: () => number): Promise<Lease> {
  const identity = identifyProcess(process.pid);
  const path = join(folderOf(root), `${randomUUID()}.json`);
  const lease = { schema: 'galley.dev/lease/v1', purpose, startedMs: now(), ...identity };
  const write = (value: object): Promise<void> =>
    replaceFile(path, `${JSON.stringify(value)}\n`, join(root, 'ingest'));
  await mkdir(folderOf(root), { recursive: true });
  // In one step: a pruning that reads half a lease takes it for a broken one and removes it.
  await write(lease);
  let isReleased = false;
  return {
    async release() {
      if (isReleased) return;
      isReleased = true;
      // Kept for its grace; `liveLeases` removes it then.
      await write({ ...lease, releasedMs: now() });
    },
  };
}

/** The leases that count now. Removes those whose process is gone, whose grace is over, or that cannot be read. */
export async function liveLeases(root: string, nowMs: number): Promise<readonly LiveLease[]> {
  const live: LiveLease[] = [];
  for (const name of await readdir(folderOf(root)).catch(() => [])) {
    const path = join(folderOf(root), name);
    const lease = await readLease(path);
    if (lease !== undefined && counts(lease, nowMs)) {
      const { purpose, startedMs, releasedMs, identity } = lease;
      live.push({ purpose, pid: identity.pid, startedMs, isHeld: releasedMs === undefined });
    } else await rm(path, { force: true });
  }
  return live.sort((a, b) => a.startedMs - b.startedMs);
}

interface LeaseFile {
  readonly purpose: string;
  readonly startedMs: number;
  readonly releasedMs: number | undefined;
  readonly identity: ProcessIdentity;
}

function counts(lease: LeaseFile, nowMs: number): boolean {
  return lease.releasedMs === undefined ? processLives(lease.identity) : nowMs - lease.releasedMs < graceMs;
}

async function readLease(path: string): Promise<LeaseFile | undefined> {
  try {
    const value: unknown = JSON.parse(await readFile(path, 'utf8'));
    if (!isObject(value)) return undefined;
    const { purpose, startedMs, releasedMs, pid, startTicks, bootId } = value;
    if (typeof purpose !== 'string' || typeof startedMs !== 'number' || typeof pid !== 'number')
      return undefined;
    if (typeof startTicks !== 'string' || typeof bootId !== 'string') return undefined;
    return {
      purpose,
      startedMs,
      releasedMs: typeof releasedMs === 'number' ? releasedMs : undefined,
      identity: { pid, startTicks, bootId },
    };
  } catch {
    return undefined;
  }
}
