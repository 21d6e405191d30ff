import { chown, lstat, mkdir, readdir, rmdir, unlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { GalleyError } from '@galley/api/error/galley-error';
import type { WorkloadFolder } from '../../engine.ts';
import { shiftBase } from '../identity.ts';
import { makeFolder } from '../make-folder.ts';
import { findProgram } from '../process/find-program.ts';
import { runCommand } from '../process/run-command.ts';
import { unmountBelow } from '../rootfs/unmount.ts';
import { withUserNamespace } from './user-namespace.ts';

const program = fileURLToPath(new URL('mount-idmapped.pl', import.meta.url));

/**
 * Mounts each folder below `directory` and gives the places in order. The owner of the folder on disk is shown as the host uid `uid` and its group as the
 * group of every workload, and the other way round for what is made there; files of others are nobody's: they can be read as their modes say, and not
 * written. Throws `FOLDER_REFUSED`.
 */
export async function mountFolders(
  directory: string,
  folders: readonly WorkloadFolder[],
  uid: number,
): Promise<readonly string[]> {
  if (folders.length === 0) return [];
  await makeFolder(directory, 0o710);
  // runc's init passes through here, as through the others.
  await chown(directory, 0, shiftBase);
  const places: string[] = [];
  for (const [index, folder] of folders.entries()) {
    const place = join(directory, String(index));
    await mountOne(folder, place, uid);
    places.push(place);
  }
  return places;
}

async function mountOne({ source, readonly }: WorkloadFolder, place: string, uid: number): Promise<void> {
  const found = await lstat(source).catch(() => undefined);
  if (found === undefined || !(found.isDirectory() || found.isFile()))
    throw refuse(source, 'is no folder and no file');
  await (found.isDirectory() ? mkdir(place, { mode: 0o700 }) : writeFile(place, '', { mode: 0o600 }));
  const perl = findProgram('perl');
  if (perl === undefined) throw refuse(source, 'cannot be mounted without perl', 'apt-get install perl-base');
  const result = await withUserNamespace(
    { user: { onDisk: found.uid, shown: uid }, group: { onDisk: found.gid, shown: shiftBase } },
    (namespace) => runCommand(perl, [program, source, place, namespace, readonly ? 'ro' : 'rw']),
  );
  if (result.code === 0) return;
  const said = result.stderr.trim().split('\n').at(-1) ?? '';
  throw refuse(source, `lies where owners cannot be mapped (${said})`);
}

/**
 * Unmounts what lies below `directory` and removes what is left of it, one empty directory at a time: should a mount stay, nothing below it is touched.
 * Idempotent.
 */
export async function releaseFolders(directory: string): Promise<void> {
  const names = await readdir(directory).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return undefined;
    throw error;
  });
  if (names === undefined) return;
  await unmountBelow(directory);
  for (const name of names) {
    const place = join(directory, name);
    await ((await lstat(place)).isDirectory() ? rmdir(place) : unlink(place));
  }
  await rmdir(directory);
}

function refuse(source: string, what: string, fix?: string): GalleyError {
  return new GalleyError('FOLDER_REFUSED', `${source} ${what}.`, {
    hint:
      fix ??
      'A folder on ext4, xfs, btrfs or tmpfs of a kernel from 5.12 on can be given to a workload; overlay and network filesystems mostly cannot.',
    details: { source },
  });
}
