import { createReadStream } from 'node:fs';
import { stat } from 'node:fs/promises';
import type { Digest } from '@galley/api/digest';
import { GalleyError } from '@galley/api/error/galley-error';
import { readManifest } from '../assemble/check-manifest.ts';
import type { Descriptor } from '../descriptor.ts';
import { digestOf } from '../registry-client/manifest-exchange.ts';
import type { ImageStore } from '../store.ts';

/** A bill of materials of a large image has some megabytes. */
const contentBytesMax = 64 << 20;

/** One content of a referrer, with what its descriptor says. */
export interface ReferrerContent {
  readonly descriptor: Descriptor;
  readonly bytes: Buffer;
}

/** The contents of a referrer's manifest, verified against their digests. Throws `BLOB_MISSING`, `DIGEST_MISMATCH`, `IMAGE_INVALID`. */
export async function readReferrer(store: ImageStore, digest: Digest): Promise<readonly ReferrerContent[]> {
  const { layers } = readManifest(await store.readJson(digest));
  const contents: ReferrerContent[] = [];
  for (const descriptor of layers) contents.push({ descriptor, bytes: await readContent(store, descriptor) });
  return contents;
}

async function readContent(store: ImageStore, { digest }: Descriptor): Promise<Buffer> {
  const path = store.blobPath(digest);
  const found = await stat(path).catch(() => undefined);
  if (found === undefined) {
    throw new GalleyError('BLOB_MISSING', `The store does not hold ${digest}.`, {
      hint: 'galley image pull REFERENCE --referrers',
      details: { digest },
    });
  }
  if (found.size > contentBytesMax) {
    throw new GalleyError(
      'IMAGE_INVALID',
      `${digest} has ${found.size} bytes, too many for what refers to an image.`,
    );
  }
  const chunks: Buffer[] = [];
  // Without an encoding a read stream gives buffers.
  for await (const chunk of createReadStream(path)) chunks.push(chunk as Buffer);
  const bytes = Buffer.concat(chunks);
  const actual = digestOf(bytes);
  if (actual === digest) return bytes;
  throw new GalleyError('DIGEST_MISMATCH', `The blob ${digest} was altered: it is ${actual}.`, {
    details: { expected: digest, actual },
  });
}
