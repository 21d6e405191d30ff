import { createReadStream } from 'node:fs';
import { pipeline, type Readable } from 'node:stream';
import { createGunzip, createZstdDecompress } from 'node:zlib';
import { GalleyError } from '@galley/api/error/galley-error';
import type { Descriptor } from '../descriptor.ts';
import { layerCompression } from '../media-type.ts';
import type { ImageStore } from '../store.ts';

/** Large chunks: fewer turns of the event loop per megabyte. */
const chunkBytes = 1 << 18;

/**
 * The tar of a layer as a stream; the caller reads it to its end or destroys it. `onBlob` sees the compressed bytes. Throws
 * `IMAGE_INVALID` for a media type that is no layer.
 */
export function openLayer(
  store: ImageStore,
  descriptor: Descriptor,
  onBlob?: (chunk: Buffer) => void,
): Readable {
  const compression = layerCompression(descriptor.mediaType);
  if (compression === undefined) {
    throw new GalleyError(
      'IMAGE_INVALID',
      `The layer ${descriptor.digest} is a ${descriptor.mediaType}, not a tar.`,
      {
        details: { digest: descriptor.digest, mediaType: descriptor.mediaType },
      },
    );
  }
  const blob = createReadStream(store.blobPath(descriptor.digest), { highWaterMark: chunkBytes });
  if (onBlob !== undefined) {
    // Without an encoding a read stream gives buffers.
    blob.on('data', (chunk) => onBlob(chunk as Buffer));
  }
  if (compression === 'none') return blob;
  const inflate =
    compression === 'gzip'
      ? createGunzip({ chunkSize: chunkBytes })
      : createZstdDecompress({ chunkSize: chunkBytes });
  // The callback is where pipeline would throw otherwise; the error reaches the reader through `inflate` itself.
  return pipeline(blob, inflate, () => undefined);
}
