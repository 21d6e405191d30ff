import { join } from 'node:path';
import { GalleyError } from '@galley/api/error/galley-error';
import { downloadFile } from '../download/download-file.ts';
import { openHttp } from '../download/http.ts';
import { buildFromArchive, type BuildWheelOptions } from './build-from-archive.ts';
import type { Sdist } from './find-sdist.ts';

/**
 * The wheel of a source distribution of the index; its path in the wheel cache. Throws `SDIST_BUILD_FAILED`, `HASH_MISMATCH`,
 * `INDEX_UNREACHABLE`, and what the engine throws.
 */
export async function buildWheel(sdist: Sdist, options: BuildWheelOptions): Promise<string> {
  const { path } = await buildFromArchive(
    {
      ...sdist,
      title: `${sdist.name} ${sdist.version}`,
      folder: '',
      why: 'it has no wheel: built from source in a workload',
      open: () => fetchSdist(sdist, options),
    },
    options,
  );
  return path;
}

async function fetchSdist(sdist: Sdist, options: BuildWheelOptions): Promise<string> {
  const path = join(options.cacheDir, 'sdists', sdist.sha256, sdist.filename);
  const http = openHttp();
  try {
    const found = await downloadFile(
      { name: sdist.filename, urls: [sdist.url], sha256: sdist.sha256, size: sdist.size, path },
      { http, temporaryDir: options.workDir, signal: options.signal },
    ).catch((cause: unknown) => {
      if (cause instanceof GalleyError || options.signal.aborted) throw cause;
      throw new GalleyError('INDEX_UNREACHABLE', `${sdist.filename} cannot be fetched.`, { cause });
    });
    if (found === undefined)
      throw new GalleyError('INDEX_UNREACHABLE', `The index no longer has ${sdist.filename}.`);
    return path;
  } finally {
    await http.close();
  }
}
