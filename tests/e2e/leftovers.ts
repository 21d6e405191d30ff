import { execFileSync } from 'node:child_process';
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { groupDirectories, readCgroupHierarchy } from '@galley/engine/runc/cgroup/hierarchy';
import { layoutOf } from '@galley/engine/runc/layout';

/** What a home still has on this machine besides its own files, a line each: processes, mounts, control groups, folders, half-made files. */
export async function leftovers(home: string): Promise<readonly string[]> {
  const { instance, run } = layoutOf(join(home, 'engine'), '/run/galley');
  const names = (text: string): boolean => text.includes(home) || text.includes(instance);
  const lines = (text: string): string[] => text.split('\n').filter(names);
  const groups = groupDirectories(readCgroupHierarchy(), `/galley/${instance}`);
  return [
    ...lines(execFileSync('ps', ['-eo', 'pid,args'], { encoding: 'utf8' })).map((line) => `process ${line}`),
    ...lines(await readFile('/proc/self/mountinfo', 'utf8')).map((line) => `mount ${line}`),
    ...lines(execFileSync('losetup', ['-l'], { encoding: 'utf8' })).map((line) => `loop device ${line}`),
    ...(await existing(groups)).map((path) => `control group ${path}`),
    ...(await existing([run])).map((path) => `folder ${path}`),
    ...(await halfMade(home)).map((path) => `half-made ${path}`),
  ];
}

async function existing(paths: readonly string[]): Promise<readonly string[]> {
  const found = await Promise.all(paths.map((path) => readdir(path).catch(() => undefined)));
  return paths.filter((_, index) => found[index] !== undefined);
}

/** Files that a killed process was writing, and records and folders of workloads that are gone. */
async function halfMade(home: string): Promise<readonly string[]> {
  const names = await readdir(home, { recursive: true });
  return names.filter((name) =>
    /\.part$|\.new$|\.draft$|^images\/ingest\/.|^engine\/(tmp|workloads)\/.|^cache\/work\/.+\/.|^server\.json\b/.test(
      name,
    ),
  );
}
