import { open, rename, rm } from 'node:fs/promises';
import { dirname } from 'node:path';
import { diskError } from './disk-errors.ts';
import { ingestFile } from './ingest-file.ts';

/** Makes a rename in a folder outlast a power cut. Some file systems refuse fsync on folders; they order renames themselves. */
export async function syncFolder(folder: string): Promise<void> {
  const handle = await open(folder, 'r');
  try {
    await handle.sync();
  } catch {
    // EINVAL or EBADF: nothing more can be done, and the rename itself is already atomic.
  } finally {
    await handle.close();
  }
}

/**
 * Replaces a file so that a reader, or we after `kill -9`, see the old text or the new one and never a part: write beside it, fdatasync,
 * rename, fsync the folder (engine.md §2). `scratch` is a folder on the same file system. Throws `DISK_FULL`.
 */
export async function replaceFile(path: string, text: string, scratch: string): Promise<void> {
  const temporary = ingestFile(scratch);
  try {
    const handle = await open(temporary, 'wx', 0o644);
    try {
      await handle.writeFile(text);
      await handle.datasync();
    } finally {
      await handle.close();
    }
    await rename(temporary, path);
  } catch (error) {
    await rm(temporary, { force: true });
    throw diskError(error, dirname(path));
  }
  await syncFolder(dirname(path));
}
