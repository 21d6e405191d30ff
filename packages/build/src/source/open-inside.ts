import { closeSync, constants, fstatSync, openSync, readlinkSync } from 'node:fs';
import { join } from 'node:path';

const flags = constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK;
/** It went away, it or a folder above it is no file or folder any more, or it is a socket. */
const gone: readonly (string | undefined)[] = ['ENOENT', 'ELOOP', 'ENOTDIR', 'ENXIO'];

/**
 * Opens a regular file of a folder and gives its descriptor; undefined: there is none. What lies behind a symlink is none: the index of a hostile
 * repository may name `src/id_rsa` where `src` leads to the keys of whoever builds, and a notebook of a lab may put a link there while we look. So the
 * opened file itself is asked where it lies; O_NOFOLLOW sees only the last part of a path. `root`: a real path.
 */
export function openInside(root: string, path: string): number | undefined {
  const full = join(root, path);
  let file: number;
  try {
    file = openSync(full, flags);
  } catch (error) {
    // Only the code is read.
    if (gone.includes((error as NodeJS.ErrnoException).code)) return undefined;
    throw error;
  }
  if (fstatSync(file).isFile() && readlinkSync(`/proc/self/fd/${file}`) === full) return file;
  closeSync(file);
  return undefined;
}
