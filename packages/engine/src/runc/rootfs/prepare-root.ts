import { chown } from 'node:fs/promises';
import { join } from 'node:path';
import type { ImageUser } from '@galley/image/facts/image-user';
import type { Image } from '@galley/image/image';
import type { Workload } from '../../engine.ts';
import { shiftBase } from '../identity.ts';
import type { WorkloadPaths } from '../layout.ts';
import { makeFolder } from '../make-folder.ts';
import type { DiskPaths } from './disk.ts';
import { findUserInside } from './image-user.ts';
import { lstatOrUndefined, placeInside } from './inside-path.ts';
import { mountOverlay } from './overlay.ts';
import { placeFile, placeFiles } from './place-files.ts';
import { unmountBelow } from './unmount.ts';

export interface RootParts {
  readonly paths: WorkloadPaths;
  readonly disk: DiskPaths;
  /** Unpacked layers, lowest first. */
  readonly directories: readonly string[];
  readonly image: Image;
  readonly projectUid: number;
}

/** Mounted afresh over whatever is there, or private to the process: a mount point below them needs no place in the image. */
const covered = ['/proc', '/sys', '/dev', '/run'];

/**
 * Mounts the root filesystem and puts in what the engine puts in. With a `user` that lies in a layer of its own *below* the writable one,
 * mount points included, so that afterwards the writable one holds what the process changed and nothing else. Rejected: subtracting our files from the
 * changes by name, which cannot tell our /etc/hosts from one that a package brought. Gives who the process is, if the image decides.
 */
export async function prepareRoot(workload: Workload, parts: RootParts): Promise<ImageUser | undefined> {
  const { paths, disk, directories } = parts;
  if (workload.user === undefined) {
    await mountOverlay(paths, disk, directories);
    await placeFiles(paths.rootfs, workload, parts.projectUid);
    return undefined;
  }
  const placedWork = join(paths.disk, 'placed-work');
  await Promise.all([makeFolder(disk.placed, 0o755), makeFolder(placedWork, 0o700)]);
  await chown(disk.placed, shiftBase, shiftBase);
  await mountOverlay(paths, { upper: disk.placed, work: placedWork }, directories);
  await placeFiles(paths.rootfs, workload, undefined);
  await makeMountPoints(paths.rootfs, workload);
  const asked = workload.user === '' ? (parts.image.config.config.User ?? '') : workload.user;
  const user = await findUserInside(paths.rootfs, asked);
  await unmountBelow(paths.rootfs);
  await mountOverlay(paths, disk, [...directories, disk.placed]);
  await chown(disk.out, shiftBase + user.uid, shiftBase + user.gid);
  return user;
}

async function makeMountPoints(root: string, workload: Workload): Promise<void> {
  for (const path of [...covered, '/galley/out', ...workload.tmpfs]) {
    const host = await placeInside(root, path);
    if ((await lstatOrUndefined(host)) !== undefined) continue;
    await makeFolder(host, 0o755);
    await chown(host, shiftBase, shiftBase);
  }
  for (const path of Object.keys(workload.secrets)) {
    if (covered.some((folder) => path.startsWith(`${folder}/`))) continue;
    const found = await lstatOrUndefined(await placeInside(root, path));
    if (found === undefined) await placeFile(root, path, '', 0o444);
  }
}
