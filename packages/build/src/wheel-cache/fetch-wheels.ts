import { copyFile, mkdir, rename } from 'node:fs/promises';
import { join } from 'node:path';
import type { Emit } from '@galley/api/event';
import { GalleyError } from '@galley/api/error/galley-error';
import type { WheelFile } from '@galley/image/wheel/wheel-fault';
import { downloadAll } from '../download/download-all.ts';
import type { KnownFile } from '../download/download-file.ts';
import type { LockedWheel } from '../lock/lock.ts';
import { makeWorkFolder } from '../cache/work-folder.ts';
import { wheelPath } from './wheel-path.ts';
import { unreachable } from '../lock/index-files.ts';

export interface FetchWheelsOptions {
  readonly cacheDir: string;
  readonly emit: Emit;
  readonly object: string;
  readonly signal?: AbortSignal | undefined;
}

/** A wheel that a workload built, put into the cache under its hash. */
export async function keepWheel(
  cacheDir: string,
  wheel: Pick<LockedWheel, 'sha256' | 'filename'>,
  from: string,
): Promise<string> {
  const path = wheelPath(cacheDir, wheel);
  await mkdir(join(cacheDir, 'wheels', wheel.sha256), { recursive: true });
  const temporary = join(await makeWorkFolder(cacheDir, 'wheels'), wheel.sha256);
  await copyFile(from, temporary);
  await rename(temporary, path);
  return path;
}

/** Every wheel of a lock on this disk, verified. Throws `HASH_MISMATCH`, `INDEX_UNREACHABLE`, `DISK_FULL`. */
export async function fetchWheels(
  wheels: readonly LockedWheel[],
  options: FetchWheelsOptions,
): Promise<{ readonly files: readonly WheelFile[]; readonly fetchedBytes: number }> {
  const known = wheels.map((wheel): KnownFile => ({
    name: wheel.filename,
    urls: wheel.url === '' ? [] : [wheel.url],
    sha256: wheel.sha256,
    size: wheel.size,
    path: wheelPath(options.cacheDir, wheel),
  }));
  const { emit, object, signal, cacheDir } = options;
  const temporaryDir = await makeWorkFolder(cacheDir, 'downloads');
  const done = await downloadAll(known, { emit, object, phase: 'lock', temporaryDir, signal }).catch(
    (cause: unknown) => {
      if (cause instanceof GalleyError || options.signal?.aborted === true) throw cause;
      if (isDiskFull(cause)) {
        throw new GalleyError('DISK_FULL', `There is no room for the wheels in ${cacheDir}.`, {
          hint: 'Free some space, or set GALLEY_HOME to a larger disk. Nothing half-written was kept.',
          cause,
        });
      }
      throw unreachable(
        known.find(({ urls }) => urls.length > 0)?.urls[0] ?? 'https://index.invalid/',
        cause,
      );
    },
  );
  const [gone] = done.missing;
  if (gone !== undefined) {
    throw new GalleyError(
      'INDEX_UNREACHABLE',
      `The package index no longer has ${gone.name}, which the lock names.`,
      {
        hint: 'It was deleted or the index changed: choose another version of the package.',
        details: { file: gone.name, sha256: gone.sha256 },
      },
    );
  }
  return { files: known.map(({ path, sha256 }) => ({ path, sha256 })), fetchedBytes: done.fetchedBytes };
}

function isDiskFull(error: unknown): boolean {
  return error instanceof Error && 'code' in error && (error.code === 'ENOSPC' || error.code === 'EDQUOT');
}
