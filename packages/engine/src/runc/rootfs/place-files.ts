import { constants } from 'node:fs';
import { chmod, chown, open, rm, writeFile, mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { GalleyError } from '@galley/api/error/galley-error';
import type { Workload } from '../../engine.ts';
import { shiftBase } from '../identity.ts';
import type { WorkloadPaths } from '../layout.ts';
import { mustRun, runCommand } from '../process/run-command.ts';
import { lstatOrUndefined, placeInside } from './inside-path.ts';

/**
 * Puts the workload's files into the mounted root filesystem, and a line for the project's uid into /etc/passwd; without one the
 * process is a user of the image.
 */
export async function placeFiles(root: string, workload: Workload, uid: number | undefined): Promise<void> {
  // runc gives a tmpfs the mode of the directory that it covers, whatever the options say.
  for (const [path, mode] of [
    ['/tmp', 0o1777],
    ['/run', 0o775],
  ] as const) {
    const host = await placeInside(root, path);
    if ((await lstatOrUndefined(host)) === undefined) await mkdir(host);
    if ((await lstatOrUndefined(host))?.isDirectory()) await chmod(host, mode);
  }
  for (const [path, content] of Object.entries(workload.files)) await placeFile(root, path, content, 0o444);
  // Many programs look their own uid up and fail without it; OpenShift's images do the same (DESIGN.md §10).
  const passwd = await readInside(root, '/etc/passwd');
  if (uid !== undefined && !passwd.split('\n').some((line) => line.split(':')[2] === String(uid))) {
    const before = passwd === '' || passwd.endsWith('\n') ? passwd : `${passwd}\n`;
    const line = `galley:x:${uid}:0:Galley:/home/galley:/bin/sh\n`;
    await placeFile(root, '/etc/passwd', before + line, 0o644);
  }
  if ((await readInside(root, '/etc/hosts')) === '') {
    await placeFile(root, '/etc/hosts', '127.0.0.1 localhost\n::1 localhost\n', 0o644);
  }
}

/**
 * Writes the secrets to a tmpfs of the workload's own and returns the host file of each. `owner`, by ids inside, may read them. `noswap` where the kernel
 * knows it: a secret must not reach a disk even as a page.
 */
export async function placeSecrets(
  paths: WorkloadPaths,
  secrets: Workload['secrets'],
  owner: { readonly uid: number; readonly gid: number },
): Promise<Record<string, string>> {
  const entries = Object.entries(secrets);
  if (entries.length === 0) return {};
  await mkdir(paths.secrets, { mode: 0o700 });
  const bytes = entries.reduce((sum, [, value]) => sum + Buffer.byteLength(value) + 8192, 1024 * 1024);
  const options = `size=${bytes},mode=700,nosuid,nodev,noexec`;
  const mount = (extra: string): string[] => [
    '-t',
    'tmpfs',
    '-o',
    options + extra,
    'galley-secrets',
    paths.secrets,
  ];
  if ((await runCommand('mount', mount(',noswap'))).code !== 0) await mustRun('mount', mount(''));
  const placed: Record<string, string> = {};
  for (const [index, [path, value]] of entries.entries()) {
    const file = join(paths.secrets, String(index));
    await writeFile(file, value, { mode: 0o600, flag: 'wx' });
    await chown(file, shiftBase + owner.uid, shiftBase + owner.gid);
    await chmod(file, 0o440);
    placed[path] = file;
  }
  return placed;
}

/** One file, owned by the image's root; what lay there before is replaced. */
export async function placeFile(
  root: string,
  path: string,
  content: Uint8Array | string,
  mode: number,
): Promise<void> {
  const host = await placeInside(root, path);
  const found = await lstatOrUndefined(host);
  if (found?.isDirectory()) {
    throw new GalleyError('IMAGE_INVALID', `The image has a directory where ${path} is to be a file.`);
  }
  if (found !== undefined) await rm(host);
  const flags = constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL | constants.O_NOFOLLOW;
  const file = await open(host, flags, 0o600);
  try {
    await file.writeFile(content);
    await file.chown(shiftBase, shiftBase);
    await file.chmod(mode);
  } finally {
    await file.close();
  }
}

/** The text of a small regular file inside; empty when there is none, or it is something else. */
export async function readInside(root: string, path: string): Promise<string> {
  const host = await placeInside(root, path);
  const found = await lstatOrUndefined(host);
  if (!found?.isFile() || found.size > 1024 * 1024) return '';
  const file = await open(host, constants.O_RDONLY | constants.O_NOFOLLOW);
  try {
    return await file.readFile('utf8');
  } finally {
    await file.close();
  }
}
