import { chmod, chown, mkdir, open, rm, statfs } from 'node:fs/promises';
import { join } from 'node:path';
import type { WorkloadLimits } from '../../engine.ts';
import { shiftBase } from '../identity.ts';
import type { WorkloadPaths } from '../layout.ts';
import { mustRun } from '../process/run-command.ts';

/**
 * Where a workload's writes go: a filesystem of its own with exactly the size of its limit, so the kernel refuses the
 * byte too many with ENOSPC, and removing it is an unmount, however deep and odd the tree is that was left in it.
 * A monitor that measures and kills was rejected: between two looks a disk takes gigabytes (ADR 0021).
 */
export type DiskKind = 'tmpfs' | 'image';

/** Up to here memory is cheaper than a file with a filesystem in it: 3 ms against 45. */
const tmpfsMax = 64 * 1024 * 1024;
/** ext4 needs about this much to exist at all. */
const imageMin = 16 * 1024 * 1024;

/** Small limits lie in memory, if that is a small part of the memory it may use: pages of a tmpfs count as such. */
export function diskKindOf(limits: WorkloadLimits): DiskKind {
  return limits.diskBytes <= tmpfsMax && limits.diskBytes <= limits.memoryBytes / 2 ? 'tmpfs' : 'image';
}

/** The directories on a workload's disk. */
export interface DiskPaths {
  readonly upper: string;
  readonly work: string;
  readonly out: string;
  readonly tmp: string;
  /** Of a workload with a `user`: what the engine puts in, kept apart from what the workload changes. */
  readonly placed: string;
}

export function diskPaths(paths: WorkloadPaths): DiskPaths {
  const at = (name: string): string => join(paths.disk, name);
  return { upper: at('upper'), work: at('work'), out: at('out'), tmp: at('tmp'), placed: at('placed') };
}

/** Makes and mounts the disk, with its directories. Throws `ENGINE_FAILED`. */
export async function makeDisk(
  kind: DiskKind,
  paths: WorkloadPaths,
  limits: WorkloadLimits,
  uid: number,
): Promise<DiskPaths> {
  await mkdir(paths.disk, { recursive: true, mode: 0o700 });
  if (kind === 'tmpfs') {
    const inodes = Math.max(1024, Math.floor(limits.diskBytes / 4096));
    const options = `size=${limits.diskBytes},nr_inodes=${inodes},mode=711,nosuid,nodev`;
    await mustRun('mount', ['-t', 'tmpfs', '-o', options, 'galley-disk', paths.disk]);
  } else {
    await makeImage(paths.diskImage, Math.max(imageMin, limits.diskBytes));
    await mountImage(paths);
  }
  const disk = diskPaths(paths);
  const make = async (path: string, mode: number, owner: number): Promise<void> => {
    await mkdir(path);
    await chown(path, owner, shiftBase);
    await chmod(path, mode);
  };
  await make(disk.upper, 0o755, shiftBase);
  await mkdir(disk.work, { mode: 0o700 });
  await make(disk.out, 0o770, uid);
  await make(disk.tmp, 0o1777, shiftBase);
  await make(paths.sockets, 0o777, shiftBase);
  return disk;
}

/** Mounts the image again, after a reboot, so that its output can still be read. */
export async function mountImage(paths: WorkloadPaths): Promise<void> {
  await mkdir(paths.disk, { recursive: true, mode: 0o700 });
  await mustRun('mount', ['-t', 'ext4', '-o', 'loop,nosuid,nodev,noatime', paths.diskImage, paths.disk]);
}

/** ext4 refuses a write already when it could not also keep its own books: so much may be free on a full disk. */
const fullSlackBytes = 2 * 1024 * 1024;

/** True when less than a hundredth of the disk is free, or next to nothing: what failed then most likely failed for that. */
export async function isDiskFull(paths: WorkloadPaths): Promise<boolean> {
  try {
    const { bsize, blocks, bavail, files, ffree } = await statfs(paths.disk);
    return bavail * bsize < Math.max((blocks * bsize) / 100, fullSlackBytes) || ffree < files / 100;
  } catch {
    return false;
  }
}

async function makeImage(path: string, bytes: number): Promise<void> {
  await rm(path, { force: true });
  const file = await open(path, 'wx', 0o600);
  try {
    await file.truncate(bytes); // Sparse: it takes from the host's disk what is written to it.
  } finally {
    await file.close();
  }
  // No journal: it is thrown away after a crash. No reserved blocks: the limit is the limit.
  const features = '^has_journal,^resize_inode';
  const bytesPerInode = '16384';
  await mustRun('mkfs.ext4', [
    '-qF',
    '-m0',
    `-O${features}`,
    `-i${bytesPerInode}`,
    '-Elazy_itable_init=1,nodiscard',
    path,
  ]);
}
