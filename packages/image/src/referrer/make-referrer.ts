import type { Digest } from '@galley/api/digest';
import { canonicalJson } from '../canonical-json.ts';
import type { Descriptor } from '../descriptor.ts';
import { mediaType } from '../media-type.ts';
import type { ImageStore } from '../store.ts';

/** What is to be attached to what. */
export interface NewReferrer {
  readonly subject: { readonly digest: Digest; readonly mediaType: string };
  readonly artifactType: string;
  /** Of the content; most often the artifact's type again. */
  readonly contentType: string;
  readonly content: Uint8Array;
  /** Of the manifest: what is shown where referrers are listed. */
  readonly annotations?: Readonly<Record<string, string>>;
  /** Of the content's descriptor. */
  readonly contentAnnotations?: Readonly<Record<string, string>>;
  /** Further contents that are in the store already; they come first. */
  readonly before?: readonly Descriptor[];
  /** Default: the empty configuration of the specification. */
  readonly config?: { readonly mediaType: string; readonly content: Uint8Array };
}

const emptyConfig = { mediaType: 'application/vnd.oci.empty.v1+json', content: Buffer.from('{}') };

/**
 * Writes the blobs of a referrer and gives its manifest, which the owner of the store puts (`putManifest`). No times: the same content
 * gives the same digest, so attaching it twice changes nothing.
 */
export async function makeReferrer(store: ImageStore, made: NewReferrer): Promise<Buffer> {
  const config = made.config ?? emptyConfig;
  const written: Descriptor = await store.write(config.content, { mediaType: config.mediaType });
  const content: Descriptor = await store.write(made.content, { mediaType: made.contentType });
  const { byteLength: size } = await store.readBytes(made.subject.digest);
  const manifest = {
    schemaVersion: 2,
    mediaType: mediaType.manifest,
    artifactType: made.artifactType,
    config: written,
    layers: [
      ...(made.before ?? []),
      made.contentAnnotations === undefined ? content : { ...content, annotations: made.contentAnnotations },
    ],
    subject: { mediaType: made.subject.mediaType, digest: made.subject.digest, size },
    ...(made.annotations === undefined ? {} : { annotations: made.annotations }),
  };
  return Buffer.from(canonicalJson(manifest), 'utf8');
}
