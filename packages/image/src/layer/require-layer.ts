import { GalleyError } from '@galley/api/error/galley-error';
import type { Descriptor } from '../descriptor.ts';
import type { ImageStore } from '../store.ts';

/** Throws `BLOB_MISSING` unless the layer is in the store; from now on it counts as used (`ImageStore.has`). */
export async function requireLayer(store: ImageStore, { digest }: Descriptor): Promise<void> {
  if (await store.has(digest)) return;
  throw new GalleyError('BLOB_MISSING', `The store ${store.root} does not hold the layer ${digest}.`, {
    hint: 'Build or pull the image again.',
    details: { digest },
  });
}
