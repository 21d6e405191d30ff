import { readFile, writeFile, mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { GalleyError } from '@galley/api/error/galley-error';
import { groupDirectories, type CgroupHierarchy } from './hierarchy.ts';

/**
 * Puts a process into the v2 group beside the v1 groups that runc made. On hybrid hosts that tree has no controllers,
 * but one write to its `cgroup.kill` kills a whole group atomically, forking or not (engine.md §1.1).
 */
export async function joinKillGroup(hierarchy: CgroupHierarchy, path: string, pid: number): Promise<void> {
  if (hierarchy.unified || hierarchy.v2 === undefined) return;
  const directory = join(hierarchy.v2, path);
  await mkdir(directory, { recursive: true });
  await writeFile(join(directory, 'cgroup.procs'), String(pid));
}

/** Host pids of every process in the group, over all its trees. */
export async function groupProcesses(hierarchy: CgroupHierarchy, path: string): Promise<number[]> {
  const pids = new Set<number>();
  for (const directory of groupDirectories(hierarchy, path)) {
    const text = await readFile(join(directory, 'cgroup.procs'), 'utf8').catch(() => '');
    for (const line of text.split('\n')) if (line !== '') pids.add(Number(line));
  }
  return [...pids];
}

const killDeadlineMs = 10_000;

/** Kills every process of the group and waits until there is none. Throws `ENGINE_FAILED` when one will not die. */
export async function killGroup(hierarchy: CgroupHierarchy, path: string): Promise<void> {
  const deadline = performance.now() + killDeadlineMs;
  for (let pids = await groupProcesses(hierarchy, path); pids.length > 0;) {
    if (hierarchy.v2 !== undefined) {
      await writeFile(join(hierarchy.v2, path, 'cgroup.kill'), '1').catch(() => undefined);
    }
    // Also one by one: kernels before 5.14 have no cgroup.kill. Pids of a group are ours by definition.
    for (const pid of pids) killQuietly(pid);
    await delay(5);
    pids = await groupProcesses(hierarchy, path);
    if (pids.length > 0 && performance.now() > deadline) {
      throw new GalleyError('ENGINE_FAILED', `Processes of the control group ${path} cannot be killed.`, {
        details: { pids },
      });
    }
  }
}

function killQuietly(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL');
  } catch {
    // It is gone already.
  }
}
