import type { Digest } from '@galley/api/digest';
import type { Descriptor } from './descriptor.ts';

/** A tag and everything it ever pointed at, newest last. */
export interface TagHistory {
  readonly name: string;
  readonly history: readonly { readonly time: string; readonly digest: Digest }[];
}

/** Blobs and tags: an OCI image layout on disk (`layout-store.ts`). Digests never change, tags move and keep their history. */
export interface ImageStore {
  /** The folder of the OCI layout. */
  readonly root: string;
  has(digest: Digest): Promise<boolean>;
  /** Where the blob lies; it may not exist. */
  blobPath(digest: Digest): string;
  /** Writes a blob: ingest, fdatasync, rename. A source may use a chunk's memory again once it is asked for the next. With `expect` a different digest throws `DIGEST_MISMATCH` and nothing is kept. */
  write(
    source: AsyncIterable<Uint8Array> | Uint8Array,
    options: { mediaType: string; expect?: Digest; signal?: AbortSignal },
  ): Promise<Descriptor>;
  /** The whole blob, verified against its digest; for manifests and configurations (4 MiB at most). */
  readJson(digest: Digest): Promise<unknown>;
  tag(name: string, digest: Digest): Promise<void>;
  untag(name: string): Promise<void>;
  tags(): Promise<readonly TagHistory[]>;
  /** By tag, digest, or unique prefix of a digest of at least 6 digits. Throws `IMAGE_NOT_FOUND`. */
  resolve(reference: string): Promise<Digest>;
}
