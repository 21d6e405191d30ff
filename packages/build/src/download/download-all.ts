import type { Emit } from '@galley/api/event';
import PQueue from 'p-queue';
import { downloadFile, isPresent, type KnownFile } from './download-file.ts';
import { openHttp } from './http.ts';

export interface DownloadAllOptions {
  readonly emit: Emit;
  readonly object: string;
  readonly phase: string;
  readonly temporaryDir: string;
  readonly signal?: AbortSignal | undefined;
  /** 8–16 is fastest, 32 is five times slower (builders.md, last section). */
  readonly parallel?: number;
  /** Files that are here already are hashed again; default: their size is looked at. */
  readonly hash?: boolean;
}

export interface Downloaded {
  /** In the order of the files. */
  readonly present: readonly KnownFile[];
  /** No address has them any more. */
  readonly missing: readonly KnownFile[];
  /** Bytes that crossed the network. */
  readonly fetchedBytes: number;
}

const progressEveryMs = 150;

/** Fetches files, telling progress in bytes of all of them together. The first error ends the others. */
export async function downloadAll(
  files: readonly KnownFile[],
  options: DownloadAllOptions,
): Promise<Downloaded> {
  const { emit, object, phase, temporaryDir } = options;
  const wanted: KnownFile[] = [];
  for (const file of files) {
    if (!(await isPresent(file, { hash: options.hash === true }))) wanted.push(file);
  }
  if (wanted.length === 0) return { present: files, missing: [], fetchedBytes: 0 };
  const http = openHttp();
  const failed = new AbortController();
  const signal = AbortSignal.any([failed.signal, ...(options.signal === undefined ? [] : [options.signal])]);
  const queue = new PQueue({ concurrency: options.parallel ?? 12 });
  const total = wanted.reduce((sum, file) => sum + file.size, 0);
  const step = wanted.length === 1 ? (wanted[0]?.name ?? '') : `${wanted.length} files`;
  let fetchedBytes = 0;
  let told = 0;
  const onBytes = (bytes: number): void => {
    fetchedBytes += bytes;
    if (Date.now() - told < progressEveryMs) return;
    told = Date.now();
    emit({ object, phase, step, state: 'progress', unit: 'bytes', done: fetchedBytes, total });
  };
  emit({ object, phase, step, state: 'started', unit: 'bytes', done: 0, total });
  const missing: KnownFile[] = [];
  try {
    const fetching = wanted.map((file) =>
      queue.add(async () => {
        if ((await downloadFile(file, { http, signal, onBytes, temporaryDir })) === undefined)
          missing.push(file);
      }),
    );
    await Promise.all(fetching);
  } catch (error) {
    failed.abort(error);
    queue.clear();
    await queue.onIdle();
    options.signal?.throwIfAborted();
    throw error;
  } finally {
    await http.close();
  }
  emit({ object, phase, step, state: 'done', unit: 'bytes', done: fetchedBytes, total });
  return { present: files.filter((file) => !missing.includes(file)), missing, fetchedBytes };
}
