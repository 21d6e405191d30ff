import type { Digest } from '@galley/api/digest';
import type { PruneAnswer } from '@galley/api/http/messages';
import { openImages } from '@galley/control/open-images';
import { pruneStore } from '@galley/image/prune/prune-store';
import type { ImageStore } from '@galley/image/store';
import type { Context } from '../command/command.ts';
import { findServer } from '../server/running-server.ts';
import { openStore } from '../server/open-store.ts';

/** Moves tags and lists referrers. */
export interface TagOwner {
  /** Blobs may be written to it by any process. */
  readonly store: ImageStore;
  tag(name: string, digest: Digest): Promise<void>;
  untag(name: string): Promise<void>;
  /** Writes a manifest; one with a subject, its own or the one that is told, is listed as its referrer from then on. */
  put(manifest: Uint8Array, subject?: Digest): Promise<Digest>;
  /** Removes what nothing needs; keeps what objects of the home name. */
  prune(options: { readonly dryRun: boolean; readonly olderThanMs: number }): Promise<PruneAnswer>;
}

/**
 * Does work that changes the index of the store: through the server that owns the home, or as its owner for so long. Throws `HOME_IN_USE` when
 * another command without a server is at work.
 */
export async function asTagOwner<T>(context: Context, work: (owner: TagOwner) => Promise<T>): Promise<T> {
  if ((await findServer(context.home)) !== undefined) return work(await throughServer(context));
  const owned = await openImages(context.home);
  const { images } = owned;
  try {
    return await work({
      store: images,
      tag: (name, digest) => images.tag(name, digest),
      untag: (name) => images.untag(name),
      put: async (manifest, subject) => (await images.putManifest(manifest, subject)).digest,
      prune: (options) =>
        pruneStore(images, {
          ...options,
          keep: () => owned.inUse(),
          now: context.now,
          signal: context.signal,
        }),
    });
  } finally {
    owned.close();
  }
}

async function throughServer(context: Context): Promise<TagOwner> {
  const [client, store] = await Promise.all([context.connect(), openStore(context.home)]);
  const { signal } = context;
  return {
    store,
    tag: async (name, digest) => {
      await client.call('imageTag', { params: { name }, body: { digest }, signal });
    },
    untag: async (name) => {
      await client.call('imageUntag', { params: { name }, signal });
    },
    put: async (manifest, subject) => {
      const { digest } = await store.write(manifest, { mediaType: 'application/octet-stream' });
      await client.call('imageAttach', {
        body: { digest, ...(subject === undefined ? {} : { subject }) },
        signal,
      });
      return digest;
    },
    prune: (body) => client.call('imagePrune', { body, signal }),
  };
}
