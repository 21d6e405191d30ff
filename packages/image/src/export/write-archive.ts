import { randomUUID } from 'node:crypto';
import { mkdir, open, readdir, rename, rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { GalleyError } from '@galley/api/error/galley-error';
import { diskError, isMissing } from '../layout/disk-errors.ts';
import type { TarEntry } from '../tar/entry.ts';
import { orderEntries } from '../tar/order.ts';
import { writeTar } from '../tar/write-tar.ts';

/** Writes entries as a tar, in the order that every archive of ours has. */
export async function writeArchive(
  path: string,
  entries: readonly TarEntry[],
  signal?: AbortSignal,
): Promise<void> {
  const handle = await open(path, 'wx', 0o644);
  try {
    for await (const chunk of writeTar(orderEntries(entries), signal)) {
      for (let done = 0; done < chunk.byteLength;) done += (await handle.write(chunk, done)).bytesWritten;
    }
    await handle.datasync();
  } finally {
    await handle.close();
  }
}

/**
 * Lets `write` make a file or folder beside `path` and then gives it its name, so that nothing half-written is ever there. Throws `EXPORT_EXISTS`
 * for a path that is taken, `DISK_FULL`.
 */
export async function writeBeside(path: string, write: (temporary: string) => Promise<void>): Promise<void> {
  await checkTarget(path);
  const folder = dirname(path);
  const temporary = join(folder, `.galley-${randomUUID()}`);
  try {
    await mkdir(folder, { recursive: true });
    await write(temporary);
    await rename(temporary, path);
  } catch (error) {
    await rm(temporary, { recursive: true, force: true });
    throw diskError(error, folder);
  }
}

/** Throws `EXPORT_EXISTS` unless nothing is at the path, or an empty folder. */
export async function checkTarget(path: string): Promise<void> {
  try {
    if ((await readdir(path)).length === 0) return;
  } catch (error) {
    if (isMissing(error)) return;
  }
  throw new GalleyError('EXPORT_EXISTS', `${path} exists already.`, {
    hint: `Give another path, or remove it first: rm -r ${path}`,
    details: { path },
  });
}
