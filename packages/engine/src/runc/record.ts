import { mkdir, readFile, rename, writeFile } from 'node:fs/promises';
import type { Digest } from '@galley/api/digest';
import type { WorkloadStatus, WorkloadUsage } from '../engine.ts';
import type { PublicWorkload } from '../workload/public-workload.ts';
import type { WorkloadPaths } from './layout.ts';
import type { ProcessIdentity } from './process/process-identity.ts';

/**
 * What is on disk about a workload, replaced atomically before each side effect. After a `kill -9` of the owner it and
 * the kernel are all there is, so it names everything that must be found again or cleaned up.
 */
export interface WorkloadRecord {
  readonly schema: 'galley.dev/workload-record/v1';
  readonly specHash: string;
  readonly workload: PublicWorkload;
  readonly createdAt: string;
  readonly phase: WorkloadStatus['phase'];
  readonly reason?: string;
  readonly message?: string;
  readonly exitCode?: number;
  readonly startedAt?: string;
  readonly endedAt?: string;
  readonly refusedHosts: readonly string[];
  /** Absent: none so far. */
  readonly reachedHosts?: readonly string[];
  /** Host uid of its processes. */
  readonly uid: number;
  readonly diffIds: readonly Digest[];
  /** Where its writes go: see `rootfs/disk.ts`. */
  readonly disk?: 'tmpfs' | 'image';
  readonly init?: ProcessIdentity;
  readonly conmon?: ProcessIdentity;
  /** Why we killed it; decides the reason when its end is seen. */
  readonly killedFor?: 'Timeout' | 'DiskFull';
  /** Counters as they stood at the end: the cgroup is gone by then. */
  readonly usage?: WorkloadUsage;
}

/** Replaces the record. No fsync: after a power cut the workload is gone anyway and a torn record is swept. */
export async function writeRecord(paths: WorkloadPaths, record: WorkloadRecord): Promise<void> {
  await mkdir(paths.kept, { recursive: true, mode: 0o700 });
  await writeFile(`${paths.record}.new`, JSON.stringify(record), { mode: 0o600 });
  await rename(`${paths.record}.new`, paths.record);
}

/** Undefined: no record, or one that a power cut tore. */
export async function readRecord(paths: WorkloadPaths): Promise<WorkloadRecord | undefined> {
  let text: string;
  try {
    text = await readFile(paths.record, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
  try {
    // Written by us alone, in a directory of mode 0700.
    const record = JSON.parse(text) as WorkloadRecord;
    return record.schema === 'galley.dev/workload-record/v1' ? record : undefined;
  } catch {
    return undefined;
  }
}

/** What the outside sees of a record. */
export function statusOf(record: WorkloadRecord): WorkloadStatus {
  return {
    id: record.workload.id,
    specHash: record.specHash,
    phase: record.phase,
    ...(record.reason === undefined ? {} : { reason: record.reason }),
    ...(record.message === undefined ? {} : { message: record.message }),
    ...(record.exitCode === undefined ? {} : { exitCode: record.exitCode }),
    ...(record.startedAt === undefined ? {} : { startedAt: record.startedAt }),
    ...(record.endedAt === undefined ? {} : { endedAt: record.endedAt }),
    refusedHosts: record.refusedHosts,
    reachedHosts: record.reachedHosts ?? [],
    labels: record.workload.labels,
  };
}

/** True when nothing of it runs any more. */
export function isFinished(record: WorkloadRecord): boolean {
  return record.phase === 'succeeded' || record.phase === 'failed' || record.phase === 'lost';
}
