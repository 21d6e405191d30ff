import { createHash } from 'node:crypto';
import { createWriteStream } from 'node:fs';
import { Transform, type Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';

/** Writes what a server sends into a new file and measures it on the way. Throws `tooLarge()` beyond `maxBytes`, and the network's error. */
export async function saveBody(
  body: Readable,
  path: string,
  options: {
    readonly maxBytes: number;
    readonly tooLarge: () => Error;
    readonly onBytes?: ((bytes: number) => void) | undefined;
  },
): Promise<{
  /** 64 hexadecimal digits. */
  readonly sha256: string;
  readonly size: number;
}> {
  const hash = createHash('sha256');
  let size = 0;
  const measure = new Transform({
    transform(chunk: Buffer, _encoding, done) {
      hash.update(chunk);
      size += chunk.length;
      options.onBytes?.(chunk.length);
      done(size > options.maxBytes ? options.tooLarge() : null, chunk);
    },
  });
  await pipeline(body, measure, createWriteStream(path, { flush: true }));
  return { sha256: hash.digest('hex'), size };
}
