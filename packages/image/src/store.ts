import type { Digest } from '@galley/api/digest';
import type { Descriptor } from './descriptor.ts';
import type { Lease } from './lease/lease.ts';
import type { PendingBlob } from './layout/pending-blob.ts';

/** A tag and everything it ever pointed at, newest last. */
export interface TagHistory {
  readonly name: string;
  readonly history: readonly { readonly time: string; readonly digest: Digest }[];
}

/** A manifest that the store's index names. */
export interface Root {
  readonly digest: Digest;
  readonly name?: string;
  /** It is held only as long as this is. */
  readonly subject?: Digest;
}

/** Blobs and tags: an OCI image layout on disk (`layout-store.ts`). Digests never change, tags move and keep their history. */
export interface ImageStore {
  /** The folder of the OCI layout. */
  readonly root: string;
  /** True: it is here, and from now on it counts as used (`prune/prune-store.ts`), so that who asks may rely on it for as long as their lease. */
  has(digest: Digest): Promise<boolean>;
  /** Keeps what is written or found from now on, for a build or a transfer: taken before the first blob is looked for. */
  lease(purpose: string): Promise<Lease>;
  /** Does work while no tag moves and nothing is attached through this store. */
  exclusive<T>(work: () => Promise<T>): Promise<T>;
  /** Where the blob lies; it may not exist. */
  blobPath(digest: Digest): string;
  /** Writes a blob: ingest, fdatasync, rename. A source may use a chunk's memory again once it is asked for the next. With `expect` a different digest throws `DIGEST_MISMATCH` and nothing is kept. */
  write(
    source: AsyncIterable<Uint8Array> | Uint8Array,
    options: { mediaType: string; expect?: Digest; signal?: AbortSignal },
  ): Promise<Descriptor>;
  /** Removes a blob whose bytes are no longer those of its digest, so that it is made or fetched again. True: it was so. */
  discardAltered(digest: Digest): Promise<boolean>;
  /** A blob that comes in pieces: `add`, then `commit` or `discard`. */
  begin(): Promise<PendingBlob>;
  /** The whole blob, verified against its digest; for manifests and configurations (4 MiB at most). */
  readJson(digest: Digest): Promise<unknown>;
  /** The bytes of a manifest, verified as by `readJson`: what other registries hash again. Of other small blobs up to `bytesMax`. */
  readBytes(digest: Digest, bytesMax?: number): Promise<Buffer>;
  /**
   * Writes a manifest, an index or an artifact as it came, byte for byte. One with a `subject` is listed by `referrers` from then on; one that names its
   * subject by its tag alone, as cosign's do, if it is told here. Throws `IMAGE_INVALID` for anything else, and over 4 MiB.
   */
  putManifest(bytes: Uint8Array, subject?: Digest): Promise<Descriptor>;
  /** What refers to a manifest: signatures, bills of materials. In the order in which they came. */
  referrers(subject: Digest): Promise<readonly Descriptor[]>;
  /** Every manifest that is held on to: the tagged ones, and what refers to something. */
  roots(): Promise<readonly Root[]>;
  /** Lets go of a referrer; its blobs stay until they are pruned. False: it was none. */
  detach(digest: Digest): Promise<boolean>;
  tag(name: string, digest: Digest): Promise<void>;
  untag(name: string): Promise<void>;
  tags(): Promise<readonly TagHistory[]>;
  /** By tag, digest, or unique prefix of a digest of at least 6 digits. Throws `IMAGE_NOT_FOUND`. */
  resolve(reference: string): Promise<Digest>;
}
