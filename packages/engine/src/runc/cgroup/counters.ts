import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { WorkloadUsage } from '../../engine.ts';
import { controllerDirectory, type CgroupHierarchy } from './hierarchy.ts';

/** What the group has used so far; undefined when it does not exist. */
export async function readUsage(
  hierarchy: CgroupHierarchy,
  path: string,
): Promise<WorkloadUsage | undefined> {
  const memory = controllerDirectory(hierarchy, 'memory', path);
  if (memory === undefined) return undefined;
  const current = await number(join(memory, hierarchy.unified ? 'memory.current' : 'memory.usage_in_bytes'));
  if (current === undefined) return undefined;
  const peak = await number(join(memory, hierarchy.unified ? 'memory.peak' : 'memory.max_usage_in_bytes'));
  const events = hierarchy.unified ? 'memory.events' : 'memory.oom_control';
  return {
    memoryBytes: current,
    // memory.peak exists since Linux 5.19.
    memoryPeakBytes: Math.max(peak ?? 0, current),
    cpuMs: await cpuMs(hierarchy, path),
    restarts: 0, // The engine never restarts a workload; who asks for another one gives it another id.
    oomKills: (await keyed(join(memory, events), 'oom_kill')) ?? 0,
  };
}

async function cpuMs(hierarchy: CgroupHierarchy, path: string): Promise<number> {
  if (hierarchy.unified) {
    const directory = controllerDirectory(hierarchy, 'cpu', path) ?? '';
    return ((await keyed(join(directory, 'cpu.stat'), 'usage_usec')) ?? 0) / 1000;
  }
  const directory = controllerDirectory(hierarchy, 'cpuacct', path);
  const nanoseconds = directory === undefined ? 0 : await number(join(directory, 'cpuacct.usage'));
  return (nanoseconds ?? 0) / 1e6;
}

async function number(file: string): Promise<number | undefined> {
  try {
    return Number((await readFile(file, 'utf8')).trim());
  } catch {
    return undefined;
  }
}

async function keyed(file: string, key: string): Promise<number | undefined> {
  const text = await readFile(file, 'utf8').catch(() => '');
  const line = text.split('\n').find((candidate) => candidate.startsWith(`${key} `));
  return line === undefined ? undefined : Number(line.slice(key.length + 1));
}
