import { rm } from 'node:fs/promises';
import { setTimeout as delay } from 'node:timers/promises';
import { removeGroup } from '../cgroup/hierarchy.ts';
import { killGroup } from '../cgroup/processes.ts';
import { cgroupsPath, type Host } from '../host.ts';
import { releaseFolders } from '../folders/mount-folders.ts';
import { releaseGroup } from '../network/group.ts';
import { isAlive, signalProcess } from '../process/process-identity.ts';
import { unmountBelow } from '../rootfs/unmount.ts';
import { isFinished } from '../record.ts';
import type { Entry, WorkloadTable } from '../workload-table.ts';

const conmonDeadlineMs = 2_000;

/**
 * Takes away everything of a workload that runs or is mounted, except its disk and its log. Idempotent; works on what
 * a killed owner left half-made.
 */
export async function stopWorkload(host: Host, table: WorkloadTable, entry: Entry): Promise<void> {
  const { record, paths } = entry;
  const { id, project, networkGroup } = record.workload;
  clearTimeout(entry.deadline);
  await host.egress.close(record);
  const group = cgroupsPath(host, project, id);
  await killGroup(host.cgroups, group);
  signalProcess(record.init, 'SIGKILL');
  // conmon writes the exit file when it sees the end; afterwards nobody may write one for this id.
  const deadline = performance.now() + conmonDeadlineMs;
  while (isAlive(record.conmon)) {
    if (performance.now() > deadline) signalProcess(record.conmon, 'SIGKILL');
    await delay(2);
  }
  await host.runc.delete(id);
  await removeGroup(host.cgroups, group);
  await Promise.all([unmountBelow(paths.rootfs), unmountBelow(paths.secrets), releaseFolders(paths.folders)]);
  if (networkGroup !== undefined && !hasOtherMember(table, entry)) {
    await table.queue(`group ${networkGroup}`, async () => {
      if (!hasOtherMember(table, entry)) await releaseGroup(host.layout, networkGroup);
    });
  }
}

/** After `stopWorkload`: takes away the rest, so that nothing of the workload is left anywhere. */
export async function eraseWorkload(entry: Entry): Promise<void> {
  const { paths } = entry;
  await unmountBelow(paths.run);
  await rm(paths.run, { recursive: true, force: true });
  await rm(paths.exit, { force: true });
  // The record last: until then the next start finds what is to be cleaned up.
  for (const file of [paths.diskImage, paths.log, paths.logOld, paths.fetched])
    await rm(file, { force: true });
  await rm(paths.kept, { recursive: true, force: true });
}

function hasOtherMember(table: WorkloadTable, entry: Entry): boolean {
  const { networkGroup, id } = entry.record.workload;
  return table
    .entries()
    .some(
      ({ record }) =>
        record.workload.networkGroup === networkGroup && record.workload.id !== id && !isFinished(record),
    );
}
