import { existsSync, readFileSync } from 'node:fs';
import { readdir, rmdir } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';

/** Where the kernel's control groups are mounted on this machine: v1, v2 or both (hybrid). */
export interface CgroupHierarchy {
  /** True with cgroup v2 only: every controller lies in the one tree. */
  readonly unified: boolean;
  /** Mount point of the v2 tree: on hybrid hosts without controllers, but with `cgroup.kill`. */
  readonly v2: string | undefined;
  /** Mount points of v1 trees by controller. */
  readonly v1: ReadonlyMap<string, string>;
}

/** Reads the mounts of this process. */
export function readCgroupHierarchy(): CgroupHierarchy {
  const v1 = new Map<string, string>();
  let v2: string | undefined;
  for (const line of readFileSync('/proc/self/mountinfo', 'utf8').split('\n')) {
    const [left = '', right = ''] = line.split(' - ');
    const point = left.split(' ')[4] ?? '';
    const [type, , superOptions = ''] = right.split(' ');
    if (type === 'cgroup2') v2 ??= point;
    if (type === 'cgroup') {
      for (const option of superOptions.split(',')) {
        if (option !== 'rw' && option !== 'ro') v1.set(option, point);
      }
    }
  }
  return { unified: v1.size === 0 && v2 !== undefined, v2, v1 };
}

/** Every directory that the group `path` (absolute, as in `cgroupsPath`) has or would have. */
export function groupDirectories(hierarchy: CgroupHierarchy, path: string): string[] {
  const points = new Set([...hierarchy.v1.values(), ...(hierarchy.v2 === undefined ? [] : [hierarchy.v2])]);
  return [...points].map((point) => join(point, path));
}

/** The directory of one controller's group. */
export function controllerDirectory(
  hierarchy: CgroupHierarchy,
  controller: string,
  path: string,
): string | undefined {
  const point = hierarchy.unified ? hierarchy.v2 : hierarchy.v1.get(controller);
  return point === undefined ? undefined : join(point, path);
}

/** Controllers that limits need and this machine lacks. */
export function missingControllers(hierarchy: CgroupHierarchy): string[] {
  const needed = ['memory', 'pids', 'cpu'];
  if (!hierarchy.unified) return [...needed, 'devices'].filter((controller) => !hierarchy.v1.has(controller));
  const file = join(hierarchy.v2 ?? '/nonexistent', 'cgroup.controllers');
  const present = existsSync(file) ? readFileSync(file, 'utf8').trim().split(' ') : [];
  return needed.filter((controller) => !present.includes(controller));
}

/** Removes the group and everything below it, and parents up to `/galley` that are empty then. Processes must be gone. */
export async function removeGroup(hierarchy: CgroupHierarchy, path: string): Promise<void> {
  for (const directory of groupDirectories(hierarchy, path)) {
    await removeTree(directory);
    const depth = path.split('/').filter((part) => part !== '').length;
    let parent = directory;
    for (let level = 1; level < depth; level++) {
      parent = join(parent, '..');
      try {
        await rmdir(parent);
      } catch {
        break; // Another workload of the project lives in it.
      }
    }
  }
}

async function removeTree(directory: string): Promise<void> {
  let names: string[];
  try {
    names = (await readdir(directory, { withFileTypes: true }))
      .filter((entry) => entry.isDirectory())
      .map((entry) => entry.name);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return;
    throw error;
  }
  for (const name of names) await removeTree(join(directory, name));
  await removeLeaf(directory);
}

/** A group is busy for a moment after the last of its processes is gone from its list: until the kernel has buried it. */
const busyMs = 10_000;

async function removeLeaf(directory: string): Promise<void> {
  const deadline = performance.now() + busyMs;
  for (;;) {
    try {
      await rmdir(directory);
      return;
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException;
      if (code === 'ENOENT') return;
      if (code !== 'EBUSY' || performance.now() > deadline) throw error;
      await delay(5);
    }
  }
}
