import { constants, watch } from 'node:fs';
import { open, type FileHandle } from 'node:fs/promises';
import { dirname } from 'node:path';
import { StringDecoder } from 'node:string_decoder';
import type { LogLine } from '../engine.ts';
import { CriLineReader, utcTime } from './cri-line.ts';

/** A log file that may have been rotated once: `old` ends where `current` begins. */
export interface LogFiles {
  readonly current: string;
  readonly old: string;
}

export interface ReadLogOptions {
  readonly follow?: boolean | undefined;
  /** RFC 3339, exclusive. */
  readonly since?: string | undefined;
  readonly signal?: AbortSignal | undefined;
  /** True when nothing more will be written. */
  readonly ended: () => boolean;
  /** Calls back when `ended` may have changed; returns how to stop. */
  readonly onChange: (listener: () => void) => () => void;
}

const chunkBytes = 64 * 1024;

/** Lines in order. With `follow` it goes on, over rotations, until the workload ends or the signal fires. */
export async function* readLog(files: LogFiles, options: ReadLogOptions): AsyncIterable<LogLine> {
  const since = options.since === undefined ? undefined : utcTime(options.since);
  const lines = new CriLineReader();
  const wake = new Wake(files, options);
  let current: FileHandle | undefined;
  try {
    current = await openOrUndefined(files.current);
    const old = await openOrUndefined(files.old);
    const tail = new Tail(lines, since);
    if (old !== undefined) {
      try {
        // The same file: it was rotated between the two openings.
        if ((await inode(old)) !== (await inode(current))) yield* tail.read(old);
      } finally {
        await old.close();
      }
    }
    tail.rewind();
    for (;;) {
      if (options.signal?.aborted) return;
      const last = options.ended();
      wake.arm();
      if (current !== undefined) yield* tail.read(current);
      const newest = await openOrUndefined(files.current);
      if (newest !== undefined && (await inode(newest)) !== (await inode(current))) {
        if (current !== undefined) {
          yield* tail.read(current);
          await current.close();
        }
        current = newest;
        tail.rewind();
        continue;
      }
      await newest?.close();
      if (!options.follow || last) return;
      await wake.wait();
    }
  } finally {
    wake.close();
    await current?.close();
  }
}

/** Reads a growing file from where it stopped, line by line. */
class Tail {
  #offset = 0;
  #rest = '';
  #decoder = new StringDecoder('utf8');
  readonly #lines: CriLineReader;
  readonly #since: string | undefined;

  constructor(lines: CriLineReader, since: string | undefined) {
    this.#lines = lines;
    this.#since = since;
  }

  rewind(): void {
    this.#offset = 0;
    this.#rest = '';
    this.#decoder = new StringDecoder('utf8');
  }

  async *read(file: FileHandle): AsyncIterable<LogLine> {
    const buffer = Buffer.allocUnsafe(chunkBytes);
    for (;;) {
      const { bytesRead } = await file.read(buffer, 0, buffer.length, this.#offset);
      if (bytesRead === 0) return;
      this.#offset += bytesRead;
      const parts = (this.#rest + this.#decoder.write(buffer.subarray(0, bytesRead))).split('\n');
      this.#rest = parts.pop() ?? '';
      for (const part of parts) {
        const line = this.#lines.read(part);
        if (line !== undefined && (this.#since === undefined || line.time > this.#since)) yield line;
      }
    }
  }
}

/** Sleeps until the file, the workload or the signal moves; what moves between `arm` and `wait` is not missed. */
class Wake {
  #moved = false;
  #resolve: (() => void) | undefined;
  readonly #stops: (() => void)[] = [];

  constructor(files: LogFiles, options: ReadLogOptions) {
    if (!options.follow) return;
    const move = (): void => this.#move();
    const watcher = watch(dirname(files.current), move);
    watcher.on('error', move); // The directory was removed: `ended` says so.
    this.#stops.push(() => watcher.close(), options.onChange(move));
    options.signal?.addEventListener('abort', move);
    this.#stops.push(() => options.signal?.removeEventListener('abort', move));
  }

  arm(): void {
    this.#moved = false;
  }

  async wait(): Promise<void> {
    if (this.#moved) return;
    await new Promise<void>((resolve) => (this.#resolve = resolve));
  }

  close(): void {
    for (const stop of this.#stops) stop();
  }

  #move(): void {
    this.#moved = true;
    this.#resolve?.();
  }
}

async function openOrUndefined(path: string): Promise<FileHandle | undefined> {
  try {
    return await open(path, constants.O_RDONLY | constants.O_NOFOLLOW);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
}

async function inode(file: FileHandle | undefined): Promise<number | undefined> {
  return file === undefined ? undefined : (await file.stat()).ino;
}
