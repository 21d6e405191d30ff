import type { Digest } from '@galley/api/digest';
import { readManifest } from '../assemble/check-manifest.ts';
import type { Descriptor } from '../descriptor.ts';
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
  for (const descriptor of layers)
    contents.push({ descriptor, bytes: await store.readBytes(descriptor.digest, contentBytesMax) });
  return contents;
}
