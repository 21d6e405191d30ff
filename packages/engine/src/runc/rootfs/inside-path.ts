import { lstat, mkdir, chmod, chown, readlink } from 'node:fs/promises';
import { join } from 'node:path';
import { GalleyError } from '@galley/api/error/galley-error';
import { shiftBase } from '../identity.ts';

const linksMax = 40;

/**
 * The host path of an absolute path inside a mounted root filesystem, as a process inside would resolve it: links are
 * followed, but `/` is `root` and `..` stops there. Directories that are missing are made, owned by the image's root.
 * The last part is not followed. Only for a filesystem that nothing runs in yet: an image is hostile, but it holds still.
 */
export async function placeInside(root: string, path: string): Promise<string> {
  const parts = path.split('/').filter((part) => part !== '');
  const name = parts.pop();
  if (name === undefined) throw new GalleyError('ENGINE_FAILED', `Nothing can be put at ${path}.`);
  let links = 0;
  let at: string[] = [];
  while (parts.length > 0) {
    // Not empty by the loop's condition.
    const part = parts.shift() as string;
    if (part === '.' || part === '') continue;
    if (part === '..') {
      at = at.slice(0, -1);
      continue;
    }
    const host = join(root, ...at, part);
    const found = await lstatOrUndefined(host);
    if (found === undefined) {
      await mkdir(host);
      await chown(host, shiftBase, shiftBase);
      await chmod(host, 0o755);
      at.push(part);
    } else if (found.isSymbolicLink()) {
      if (++links > linksMax)
        throw new GalleyError('IMAGE_INVALID', `The image has a loop of links at ${path}.`);
      const target = await readlink(host);
      if (target.startsWith('/')) at = [];
      parts.unshift(...target.split('/'));
    } else if (found.isDirectory()) {
      at.push(part);
    } else {
      throw new GalleyError('IMAGE_INVALID', `The image has a file where ${path} needs a directory.`);
    }
  }
  return join(root, ...at, name);
}

/** lstat, or undefined when there is nothing. */
export async function lstatOrUndefined(path: string): Promise<Awaited<ReturnType<typeof lstat>> | undefined> {
  try {
    return await lstat(path);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
}
