import { spawnGit, type GitOptions } from './run-git.ts';

/** Reads a stream by lines and by counted bytes. */
class ByteReader {
  readonly #chunks: AsyncIterator<Buffer>;
  #rest: Buffer = Buffer.alloc(0);

  constructor(source: AsyncIterable<Buffer>) {
    this.#chunks = source[Symbol.asyncIterator]();
  }

  /** Without its line break; undefined at the end. Only for lines that git itself writes: they are short. */
  async line(): Promise<string | undefined> {
    for (;;) {
      const end = this.#rest.indexOf(10);
      if (end >= 0) {
        const line = this.#rest.subarray(0, end).toString('latin1');
        this.#rest = this.#rest.subarray(end + 1);
        return line;
      }
      const { done, value } = await this.#chunks.next();
      if (done === true) return undefined;
      this.#rest = this.#rest.length === 0 ? value : Buffer.concat([this.#rest, value]);
    }
  }

  async *take(length: number): AsyncGenerator<Buffer> {
    for (let left = length; left > 0;) {
      if (this.#rest.length === 0) {
        const { done, value } = await this.#chunks.next();
        if (done === true) throw new Error('git ended in the middle of an object');
        this.#rest = value;
      }
      const piece = this.#rest.subarray(0, left);
      this.#rest = this.#rest.subarray(piece.length);
      left -= piece.length;
      yield piece;
    }
  }
}

/**
 * The content of blobs in the order asked for, from git's objects: no filter, no `export-ignore`, no line-end conversion, no umask has a
 * say (builders.md §8.2, §8.6), which `git archive` and a checkout would both let in. Each stream must be read to its end before the
 * next is asked for.
 */
export async function* readBlobs(
  objects: readonly string[],
  options: GitOptions,
): AsyncGenerator<AsyncIterable<Buffer>> {
  if (objects.length === 0) return;
  const running = spawnGit(['cat-file', '--batch', '--buffer'], options);
  running.ended.catch(() => undefined); // what was read decides; see below
  running.stdin.end(`${objects.join('\n')}\n`);
  const reader = new ByteReader(running.stdout as AsyncIterable<Buffer>);
  try {
    for (const object of objects) {
      const header = (await reader.line()) ?? '';
      const size = new RegExp(`^${object} blob (\\d+)$`).exec(header)?.[1];
      if (size === undefined) {
        options.signal?.throwIfAborted();
        throw new Error(`git has no blob ${object}: ${header}`);
      }
      yield reader.take(Number(size));
      await reader.line();
    }
  } finally {
    running.kill();
  }
}
