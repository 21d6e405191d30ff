import { createWriteStream } from 'node:fs';
import { mkdir, readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { GalleyError } from '@galley/api/error/galley-error';
import type { Engine } from '@galley/engine/engine';
import { readTar } from '@galley/image/tar/read-tar';

/** A file that a workload handed back: under a name of ours on the disk, whatever it calls itself. */
export interface OutputFile {
  /** Relative to /galley/out, checked. */
  readonly path: string;
  readonly size: number;
  readonly executable: boolean;
  /** On the host, private. */
  readonly file: string;
}

/** What a workload handed back. */
export interface Output {
  readonly files: ReadonlyMap<string, OutputFile>;
  /** Symlinks are not taken: what they point to is not ours to judge. */
  readonly skipped: readonly string[];
  /** A small file as text; undefined: it is not there. Throws `OUTPUT_INVALID` above `maxBytes`. */
  text(path: string, maxBytes?: number): Promise<string | undefined>;
  dispose(): Promise<void>;
}

export interface OutputLimits {
  readonly files: number;
  readonly bytes: number;
}

/** Two models and their files. */
const defaultLimits: OutputLimits = { files: 20_000, bytes: 4 * 1024 ** 3 };

/** Takes the output of an ended workload into `folder`, which is emptied first. Throws `OUTPUT_INVALID`. */
export async function readOutput(
  engine: Engine,
  id: string,
  folder: string,
  options: { readonly limits?: OutputLimits; readonly signal?: AbortSignal | undefined } = {},
): Promise<Output> {
  const { files: entriesMax, bytes: bytesMax } = options.limits ?? defaultLimits;
  await rm(folder, { recursive: true, force: true });
  await mkdir(folder, { recursive: true, mode: 0o700 });
  const files = new Map<string, OutputFile>();
  const skipped: string[] = [];
  try {
    const tar = await engine.output(id);
    for await (const entry of readTar(tar, { entriesMax, bytesMax, special: 'skip' }, options.signal)) {
      if (entry.type === 'symlink' || entry.type === 'hardlink') skipped.push(entry.path);
      if (entry.type !== 'file' || entry.content === undefined) continue;
      if (files.has(entry.path)) throw invalid(`it holds ${entry.path} twice`);
      const file = join(folder, String(files.size));
      await pipeline(entry.content(), createWriteStream(file, { mode: 0o600, flags: 'wx' }));
      const executable = (entry.mode & 0o100) !== 0;
      files.set(entry.path, { path: entry.path, size: entry.size, executable, file });
    }
  } catch (error) {
    options.signal?.throwIfAborted();
    throw error instanceof GalleyError && error.code === 'OUTPUT_INVALID'
      ? error
      : invalid('it cannot be read', error);
  }
  return {
    files,
    skipped,
    text: async (path, maxBytes = 256 * 1024 * 1024) => {
      const file = files.get(path);
      if (file === undefined) return undefined;
      if (file.size > maxBytes) throw invalid(`${path} is larger than ${maxBytes} bytes`);
      return readFile(file.file, 'utf8');
    },
    dispose: () => rm(folder, { recursive: true, force: true }),
  };
}

/** `OUTPUT_INVALID`: the sentence is "The output of the run is refused: ‹problem›." */
export function invalid(problem: string, cause?: unknown): GalleyError {
  return new GalleyError('OUTPUT_INVALID', `The output of the run is refused: ${problem}.`, {
    hint: 'Let cells write anywhere but /galley/out; galley logs shows what the run said.',
    ...(cause === undefined ? {} : { cause }),
  });
}
