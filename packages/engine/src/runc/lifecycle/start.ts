import { chown, mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { GalleyError } from '@galley/api/error/galley-error';
import { readImage } from '@galley/image/assemble/read-image';
import type { Image } from '@galley/image/image';
import type { Workload } from '../../engine.ts';
import { joinKillGroup } from '../cgroup/processes.ts';
import { cgroupsPath, type Host } from '../host.ts';
import { shiftBase } from '../identity.ts';
import type { WorkloadPaths } from '../layout.ts';
import { mountFolders } from '../folders/mount-folders.ts';
import { makeFolder } from '../make-folder.ts';
import { findGroup, foundGroup } from '../network/group.ts';
import type { MountSources } from '../oci/mounts.ts';
import { runtimeSpec } from '../oci/runtime-spec.ts';
import { createContainer } from '../process/conmon.ts';
import { diskKindOf, makeDisk } from '../rootfs/disk.ts';
import type { ImageUser } from '@galley/image/facts/image-user';
import { placeSecrets } from '../rootfs/place-files.ts';
import { prepareRoot } from '../rootfs/prepare-root.ts';
import type { Entry, WorkloadTable } from '../workload-table.ts';

/**
 * Brings a recorded workload to life. Every step that leaves something behind comes after a record that names it. The
 * caller cleans up when this throws.
 */
export async function startWorkload(
  host: Host,
  table: WorkloadTable,
  entry: Entry,
  workload: Workload,
): Promise<void> {
  const signal = entry.starting.signal;
  const image = await readImage(host.store, workload.image);
  const directories = await host.snapshots.ensure(image.layers, signal);
  signal.throwIfAborted();
  const kind = diskKindOf(workload.limits);
  await table.update(entry, {
    phase: 'starting',
    disk: kind,
    diffIds: image.layers.map((layer) => layer.diffId),
  });
  const { paths, record } = entry;
  await makeRuntimeDirectories(paths);
  const disk = await makeDisk(kind, paths, workload.limits, record.uid);
  const user = await prepareRoot(workload, { paths, disk, directories, image, projectUid: record.uid });
  const sources: MountSources = {
    sockets: paths.sockets,
    out: disk.out,
    tmp: workload.rootfs === 'writable' ? disk.tmp : undefined,
    // Group 0 inside is the group of every workload's process that has no user of its own.
    secrets: await placeSecrets(paths, workload.secrets, user ?? { uid: 0, gid: 0 }),
    init: host.init,
    folders: await mountFolders(paths.folders, workload.folders ?? [], record.uid),
  };
  const create = () => createIn(host, table, entry, { workload, image, user, sources });
  // Members of one group are created one after the other: the first founds the network that the others enter.
  await (workload.networkGroup === undefined
    ? create()
    : table.queue(`group ${workload.networkGroup}`, create));
  await host.egress.open(entry.record);
  signal.throwIfAborted();
  await host.runc.start(workload.id);
  await table.update(entry, { phase: 'running', startedAt: new Date(host.now()).toISOString() });
}

async function createIn(
  host: Host,
  table: WorkloadTable,
  entry: Entry,
  what: {
    readonly workload: Workload;
    readonly image: Image;
    readonly user: ImageUser | undefined;
    readonly sources: MountSources;
  },
): Promise<void> {
  const { paths, record } = entry;
  const { workload, image, user, sources } = what;
  const group = workload.networkGroup;
  const shared = group === undefined ? undefined : await findGroup(host.layout, group);
  if (shared !== undefined) refuseForeignMember(table, workload);
  const spec = runtimeSpec({
    workload,
    image: image.config.config ?? {},
    uid: record.uid,
    user,
    rootfs: paths.rootfs,
    cgroupsPath: cgroupsPath(host, workload.project, workload.id),
    join: shared,
    sources,
    host: host.limits,
    seccomp: host.seccomp,
    unified: host.cgroups.unified,
  });
  await writeFile(join(paths.bundle, 'config.json'), JSON.stringify(spec), { mode: 0o600 });
  const created = await createContainer(host.layout, paths, workload.id, host.runc.path);
  await table.update(entry, {
    init: created.init,
    ...(created.conmon === undefined ? {} : { conmon: created.conmon }),
  });
  await joinKillGroup(host.cgroups, cgroupsPath(host, workload.project, workload.id), created.init.pid);
  if (group !== undefined && shared === undefined) await foundGroup(host.layout, group, created.init.pid);
}

/** The group's user namespace maps one project's uid only, and projects must not meet in a network anyway. */
function refuseForeignMember(table: WorkloadTable, workload: Workload): void {
  const foreign = table
    .entries()
    .map((other) => other.record.workload)
    .find((other) => other.networkGroup === workload.networkGroup && other.project !== workload.project);
  if (foreign === undefined) return;
  throw new GalleyError(
    'WORKLOAD_INVALID',
    `The workload ${workload.id} cannot join the network ${workload.networkGroup}: it belongs to another project.`,
  );
}

async function makeRuntimeDirectories(paths: WorkloadPaths): Promise<void> {
  await makeFolder(paths.run, 0o710);
  // runc's init passes through here as the image's root, to the root filesystem; nobody else does.
  await chown(paths.run, 0, shiftBase);
  await mkdir(paths.bundle, { mode: 0o700 });
}
