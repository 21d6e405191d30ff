import { createRuncEngine } from '@galley/engine/runc/create-runc-engine';
import type { Engine } from '@galley/engine/engine';
import { openLayoutStore } from '@galley/image/layout-store';
import type { ImageStore } from '@galley/image/store';
import { makeHome, type HomeLayout } from './owner/home.ts';
import { lockHome, type OwnerRole } from './owner/lock.ts';
import { readPrivateHosts } from './owner/private-hosts.ts';

/** A home that this process owns, with its images and its engine. */
export interface OwnedHome {
  readonly layout: HomeLayout;
  readonly images: ImageStore;
  readonly engine: Engine;
  /** The operator's list of private addresses that may be reached. */
  readonly privateHosts: () => Promise<readonly string[]>;
  /** Lets go of the engine and the lock; workloads go on. */
  close(): Promise<void>;
}

/** Takes a home for this process. Throws `HOME_IN_USE`, which names the owner, and `HOME_INVALID`. */
export async function openHome(root: string, role: OwnerRole): Promise<OwnedHome> {
  const layout = makeHome(root);
  const lock = lockHome(layout.lock, role);
  try {
    const privateHosts = (): Promise<readonly string[]> => readPrivateHosts(layout.privateHosts);
    const images = await openLayoutStore(layout.images, { wipe: true });
    const engine = await createRuncEngine({
      root: layout.engine,
      store: images,
      privateHosts,
    });
    return {
      layout,
      images,
      engine,
      privateHosts,
      async close() {
        await engine.close();
        lock.release();
      },
    };
  } catch (error) {
    lock.release();
    throw error;
  }
}
