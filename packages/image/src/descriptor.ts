import type { Digest } from '@galley/api/digest';

/** An OCI content descriptor (image-spec, descriptor.md). */
export interface Descriptor {
  readonly mediaType: string;
  readonly digest: Digest;
  /** Bytes of the blob as stored. */
  readonly size: number;
  /** Of what refers to an image: what it is (image-spec 1.1, descriptor.md). */
  readonly artifactType?: string;
  readonly annotations?: Readonly<Record<string, string>>;
}

/** A layer in the store: the compressed blob and the digest of its uncompressed tar. Both are needed, neither follows from the other cheaply. */
export interface Layer {
  readonly descriptor: Descriptor;
  readonly diffId: Digest;
  /** A line for the image's history: what put this layer here. */
  readonly createdBy: string;
  /** Bytes of the uncompressed tar. */
  readonly tarBytes: number;
}
