import { GalleyError } from '@galley/api/error/galley-error';
import type { TarEntry } from './entry.ts';
import { blockBytes, encodeHeader, paddingOf } from './header.ts';

/** Two blocks of zeros: the end of a tar. */
export const tarEnd: Buffer = Buffer.alloc(2 * blockBytes);

const zeros = Buffer.alloc(blockBytes);

/**
 * The bytes of a tar, entry by entry as they come; the caller has put them in order. A content that turns out longer or shorter than its
 * `size` throws `IMAGE_INVALID`, since the file changed while it was read.
 */
export async function* writeTar(
  entries: Iterable<TarEntry> | AsyncIterable<TarEntry>,
  signal?: AbortSignal,
): AsyncGenerator<Buffer> {
  for await (const entry of entries) {
    signal?.throwIfAborted();
    yield encodeHeader(entry);
    if (entry.type !== 'file' || entry.size === 0) continue;
    yield* writeContent(entry);
    const padding = paddingOf(entry.size);
    if (padding > 0) yield zeros.subarray(0, padding);
  }
  yield tarEnd;
}

async function* writeContent(entry: TarEntry): AsyncGenerator<Buffer> {
  const content = entry.content?.() ?? Buffer.alloc(0);
  if (Buffer.isBuffer(content)) {
    checkSize(entry, content.byteLength);
    yield content;
    return;
  }
  let written = 0;
  for await (const chunk of content) {
    written += chunk.byteLength;
    if (written > entry.size) checkSize(entry, written);
    yield Buffer.from(chunk.buffer, chunk.byteOffset, chunk.byteLength);
  }
  checkSize(entry, written);
}

function checkSize(entry: TarEntry, actual: number): void {
  if (actual === entry.size) return;
  const text = `${entry.path} was announced with ${entry.size} bytes and has ${actual > entry.size ? 'more' : actual}.`;
  throw new GalleyError('IMAGE_INVALID', text, {
    hint: 'The file changed while it was read. Run the command again.',
    details: { path: entry.path, expected: entry.size, actual },
  });
}
