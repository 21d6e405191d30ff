import { readdir, readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { groupDirectories, removeGroup } from '../cgroup/hierarchy.ts';
import { killGroup } from '../cgroup/processes.ts';
import type { Host } from '../host.ts';
import { releaseFolders } from '../folders/mount-folders.ts';
import { workloadPaths } from '../layout.ts';
import { isAlive } from '../process/process-identity.ts';
import { isFinished, readRecord } from '../record.ts';
import { unmountBelow } from '../rootfs/unmount.ts';
import type { Entry, WorkloadTable } from '../workload-table.ts';
import { eraseWorkload, stopWorkload } from './clean-up.ts';
import { finishIfEnded } from './finish.ts';

/**
 * What an engine does when it opens: it compares its records with the kernel. Ended meanwhile: finished. Alive: adopted.
 * Never started: erased, so that `ensure` makes it anew. Without a record: swept (engine.md §1.5, recovery order).
 */
export async function recover(host: Host, table: WorkloadTable): Promise<void> {
  for (const id of await namesIn(host.layout.workloads)) {
    const paths = workloadPaths(host.layout, id);
    const record = await readRecord(paths);
    if (record?.workload.id !== id) {
      await rm(paths.kept, { recursive: true, force: true });
      continue;
    }
    await recoverOne(host, table, table.adopt(record));
  }
  await sweep(host, table);
}

async function recoverOne(host: Host, table: WorkloadTable, entry: Entry): Promise<void> {
  const { record } = entry;
  const id = record.workload.id;
  if (isFinished(record)) {
    await stopWorkload(host, table, entry);
    return;
  }
  if (record.phase !== 'running') {
    if (record.init === undefined) await killConmonOf(entry.paths.bundle);
    const state = record.init === undefined ? undefined : await host.runc.state(id);
    if (state === 'running' || (state === 'stopped' && isAlive(record.conmon))) {
      await table.update(entry, { phase: 'running', startedAt: record.createdAt });
    } else if (state !== 'stopped') {
      // It was never started: nothing of it has happened.
      await stopWorkload(host, table, entry);
      await eraseWorkload(entry);
      table.forget(id);
      return;
    }
  }
  await finishIfEnded(host, table, entry);
  if (!isFinished(entry.record)) await host.egress.open(entry.record);
}

/** Kills what a killed owner had just spawned to create a workload, before it could note who that is. */
async function killConmonOf(bundle: string): Promise<void> {
  for (const name of await namesIn('/proc')) {
    if (!/^\d+$/.test(name)) continue;
    const command = await readFile(join('/proc', name, 'cmdline'), 'utf8').catch(() => '');
    const parts = command.split('\0');
    if (parts[0]?.endsWith('conmon') && parts.includes(`--bundle=${bundle}`))
      process.kill(Number(name), 'SIGKILL');
  }
}

/** Removes what belongs to this engine and to no record. */
async function sweep(host: Host, table: WorkloadTable): Promise<void> {
  const { layout, cgroups } = host;
  for (const id of await host.runc.list()) if (!table.get(id)) await host.runc.delete(id);
  for (const id of await namesIn(layout.running)) {
    if (table.get(id)) continue;
    await unmountBelow(join(layout.running, id));
    await rm(join(layout.running, id), { recursive: true, force: true });
  }
  for (const id of await namesIn(layout.folders)) {
    if (!table.get(id)) await releaseFolders(join(layout.folders, id));
  }
  for (const id of await namesIn(layout.exits)) {
    if (!table.get(id)) await rm(join(layout.exits, id), { recursive: true, force: true });
  }
  const projects = new Set<string>();
  const own = `/galley/${layout.instance}`;
  for (const directory of groupDirectories(cgroups, own)) {
    for (const project of await namesIn(directory, true)) projects.add(project);
  }
  for (const project of projects) {
    const ids = new Set<string>();
    for (const directory of groupDirectories(cgroups, `${own}/${project}`)) {
      for (const id of await namesIn(directory, true)) ids.add(id);
    }
    for (const id of ids) {
      const entry = table.get(id);
      if (entry?.record.workload.project === project && !isFinished(entry.record)) continue;
      await killGroup(cgroups, `${own}/${project}/${id}`);
      await removeGroup(cgroups, `${own}/${project}/${id}`);
    }
  }
}

async function namesIn(directory: string, directoriesOnly = false): Promise<string[]> {
  try {
    const entries = await readdir(directory, { withFileTypes: true });
    return entries.filter((entry) => !directoriesOnly || entry.isDirectory()).map((entry) => entry.name);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return [];
    throw error;
  }
}
