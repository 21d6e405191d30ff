import type { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { GalleyError } from '@galley/api/error/galley-error';
import { extract } from 'tar-stream';
import { sourceLimits, type TreeBuilder } from '../tree-builder.ts';

/**
 * Takes every entry of a hostile tar into the builder: nothing is written under a name of its choosing, and what is not a file, a
 * folder or a symlink is refused. Throws `SOURCE_REFUSED` also when it is no tar at all.
 */
export async function readTar(source: Readable, builder: TreeBuilder, signal?: AbortSignal): Promise<void> {
  const tar = extract();
  const reading = pipeline(source, tar, signal === undefined ? {} : { signal }).catch((cause: unknown) => {
    if (signal?.aborted === true || cause instanceof GalleyError) throw cause;
    throw new GalleyError('SOURCE_REFUSED', 'The source is not a tar archive that can be read to its end.', {
      hint: 'Deploy again; if it stays, pack the directory with GNU tar.',
      cause,
    });
  });
  const taking = (async () => {
    let headers = 0;
    for await (const entry of tar) {
      headers += 1;
      checkEntryCount(headers);
      const { name, type, linkname, mode, size } = entry.header;
      if (type === 'file' || type === 'contiguous-file') {
        const executable = ((mode ?? 0) & 0o100) !== 0;
        await builder.addFile(name, executable, entry as AsyncIterable<Buffer>, size ?? 0);
        continue;
      }
      if (type === 'symlink') builder.addLink(name, linkname ?? '');
      else if (type !== 'directory') throw refusedEntry(name, type);
      entry.resume();
    }
  })().catch((error: unknown) => {
    // Otherwise the pipeline would wait for a reader that has gone.
    tar.destroy(error instanceof Error ? error : new Error(String(error)));
    throw error;
  });
  // Both are awaited whatever the other does; what the reader found matters more than the pipe that broke because of it.
  const [taken, read] = await Promise.allSettled([taking, reading]);
  if (read.status === 'rejected' && !(taken.status === 'rejected' && taken.reason instanceof GalleyError))
    throw read.reason;
  if (taken.status === 'rejected') throw taken.reason;
}

/** Folders are no part of a source and are not counted by the builder; an archive of nothing else must end too. */
const headersMax = 4 * sourceLimits.files;

/** Throws `SOURCE_TOO_LARGE` for an archive of more entries than any source may have folders and files. */
export function checkEntryCount(entries: number): void {
  if (entries <= headersMax) return;
  throw new GalleyError('SOURCE_TOO_LARGE', `The source is an archive of more than ${headersMax} entries.`, {
    hint: 'Keep data out of the repository.',
    details: { headersMax },
  });
}

function refusedEntry(path: string, type: string): GalleyError {
  return new GalleyError('SOURCE_REFUSED', `The source holds ${path}, which is a ${type}.`, {
    hint: 'Pack regular files, folders and symlinks only.',
    details: { path, type },
  });
}
