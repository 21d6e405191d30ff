import type { Digest } from '@galley/api/digest';
import type { Descriptor } from '../descriptor.ts';
import { PendingBlob } from './pending-blob.ts';

/** What `ImageStore.write` is told. */
export interface IngestOptions {
  readonly mediaType: string;
  readonly expect?: Digest;
  readonly signal?: AbortSignal;
}

/** Writes one blob from a source; whatever fails, nothing half-written is kept. Throws `DIGEST_MISMATCH`, `DISK_FULL`. */
export async function ingest(
  root: string,
  source: AsyncIterable<Uint8Array> | Uint8Array,
  options: IngestOptions,
): Promise<Descriptor> {
  options.signal?.throwIfAborted();
  const pending = await PendingBlob.open(root);
  try {
    await drain(source, pending, options.signal);
    const written = await pending.commit(options.expect);
    return { mediaType: options.mediaType, ...written };
  } catch (error) {
    await pending.discard();
    throw error;
  }
}

async function drain(
  source: AsyncIterable<Uint8Array> | Uint8Array,
  pending: PendingBlob,
  signal: AbortSignal | undefined,
): Promise<void> {
  if (source instanceof Uint8Array) {
    await pending.add(source);
  } else {
    for await (const chunk of source) {
      signal?.throwIfAborted();
      await pending.add(chunk);
    }
  }
  signal?.throwIfAborted();
}
