import { randomBytes } from 'node:crypto';
import { lstat, open, realpath, rename, rm, stat } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { GalleyError } from '@galley/api/error/galley-error';
import type { WrittenLock } from '@galley/build/lock-repository';

/**
 * Puts a lock into its folder, for the folder's owner, and gives its real path. Whatever a notebook left there: a link in its place is replaced and never
 * followed. Throws `USAGE`.
 */
export async function placeLock(root: string, { path, text }: WrittenLock): Promise<string> {
  const file = join(await realpath(root), path);
  const folder = dirname(file);
  if (!(await lstat(folder)).isDirectory()) {
    throw new GalleyError('USAGE', `${folder} is a link, and no lock is written through it.`, {
      hint: 'Put a folder in its place.',
    });
  }
  if ((await lstat(file).catch(() => undefined))?.isDirectory() === true) {
    throw new GalleyError('USAGE', `${file} is a folder, and a lock is a file.`, {
      hint: 'Move the folder away.',
    });
  }
  const owner = await stat(root);
  const temporary = join(folder, `.pylock-${randomBytes(6).toString('hex')}.toml`);
  try {
    const handle = await open(temporary, 'wx', 0o644);
    try {
      await handle.writeFile(text);
      // Only root writes for others.
      if (process.getuid?.() === 0) await handle.chown(owner.uid, owner.gid);
    } finally {
      await handle.close();
    }
    await rename(temporary, file);
  } catch (error) {
    await rm(temporary, { force: true });
    throw error;
  }
  return file;
}
