import type { Digest } from '@galley/api/digest';
import { GalleyError } from '@galley/api/error/galley-error';
import type { ImageStore } from './store.ts';

/** A blob that `ImageStore.discardAltered` has removed: whoever can make or fetch it again does so. */
export function blobAltered(store: Pick<ImageStore, 'root'>, digest: Digest): GalleyError {
  return new GalleyError(
    'DIGEST_MISMATCH',
    `The blob ${digest} in ${store.root} had been altered on the disk; it was removed.`,
    { hint: 'Build or pull the image again: it is made anew.', details: { digest, removed: true } },
  );
}
