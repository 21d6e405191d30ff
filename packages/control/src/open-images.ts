import type { Digest } from '@galley/api/digest';
import { openLayoutStore } from '@galley/image/layout-store';
import type { ImageStore } from '@galley/image/store';
import { makeHome } from './owner/home.ts';
import { lockHome } from './owner/lock.ts';
import { imagesInUse } from './store/images-in-use.ts';
import { openStores } from './store/open-stores.ts';

/** The images of a home that this process owns, without an engine. */
export interface OwnedImages {
  readonly images: ImageStore;
  /** Every digest that an object of the home names. */
  inUse(): Promise<ReadonlySet<Digest>>;
  close(): void;
}

/** Takes a home for work on its images alone. Throws `HOME_IN_USE`, which names the owner, and `HOME_INVALID`. */
export async function openImages(root: string): Promise<OwnedImages> {
  const layout = makeHome(root);
  const lock = lockHome(layout.lock, 'command');
  try {
    const images = await openLayoutStore(layout.images, { wipe: true });
    return {
      images,
      inUse: async () => {
        const stores = openStores(layout, Date.now);
        try {
          return await imagesInUse(stores.objects);
        } finally {
          stores.close();
        }
      },
      close: () => lock.release(),
    };
  } catch (error) {
    lock.release();
    throw error;
  }
}
