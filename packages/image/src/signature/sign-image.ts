import type { Digest } from '@galley/api/digest';
import { readManifest } from '../assemble/check-manifest.ts';
import { canonicalJson } from '../canonical-json.ts';
import type { Descriptor } from '../descriptor.ts';
import { mediaType } from '../media-type.ts';
import { artifactType, predicateAnnotation } from '../referrer/artifact-types.ts';
import { makeReferrer } from '../referrer/make-referrer.ts';
import { digestOf } from '../digest-of.ts';
import type { ImageStore } from '../store.ts';
import { makeBundle } from './bundle.ts';
import type { SigningKey } from './signing-key.ts';
import { signatureAnnotation, simpleSigningPayload, simpleSigningType } from './simple-signing.ts';
import { verifyImage } from './verify-image.ts';
import { signPredicate, statementOf, type Statement } from './statement.ts';

/** Which manifest is signed, and what it is called in the signature. */
export interface ToSign {
  readonly digest: Digest;
  readonly mediaType: string;
  /** `registry.example/team/model`: policies of podman and skopeo compare it with what they pull. */
  readonly identity: string;
}

/**
 * The manifests of a signature, to be put by the owner of the store: one as cosign up to version 2 and containers' policies read it, one as cosign from
 * version 3 on does. Both refer to the image, so both go where it goes. Empty: this key has signed it before.
 */
export async function signImage(
  store: ImageStore,
  image: ToSign,
  key: SigningKey,
): Promise<readonly Buffer[]> {
  const known = (await verifyImage(store, image.digest, [key])).signatures;
  const made: Buffer[] = [];
  if (!known.some(({ format }) => format === 'simple-signing'))
    made.push(await signSimply(store, image, key));
  if (!known.some(({ format }) => format === 'bundle')) {
    made.push(await attestImage(store, image, statementOf({ digest: image.digest }, signPredicate, {}), key));
  }
  return made;
}

/** All signatures of an image are in one manifest, since they have one tag: those of others are carried over. */
async function signSimply(store: ImageStore, image: ToSign, key: SigningKey): Promise<Buffer> {
  const payload = simpleSigningPayload(image);
  const before = await earlierSignatures(store, image.digest);
  const digests = [...before.map(({ digest }) => digest), digestOf(payload)];
  return makeReferrer(store, {
    subject: image,
    artifactType: artifactType.signature,
    contentType: simpleSigningType,
    content: payload,
    contentAnnotations: { [signatureAnnotation]: key.sign(payload).toString('base64') },
    before,
    config: { mediaType: mediaType.config, content: signatureConfig(digests) },
  });
}

async function earlierSignatures(store: ImageStore, digest: Digest): Promise<readonly Descriptor[]> {
  const referrers = await store.referrers(digest);
  const last = referrers.findLast((one) => one.artifactType === artifactType.signature);
  if (last === undefined) return [];
  return readManifest(await store.readJson(last.digest)).layers.filter(
    (one) => one.mediaType === simpleSigningType,
  );
}

/** The manifest of a signed statement about an image. */
export function attestImage(
  store: ImageStore,
  image: Pick<ToSign, 'digest' | 'mediaType'>,
  statement: Statement,
  key: SigningKey,
): Promise<Buffer> {
  return makeReferrer(store, {
    subject: image,
    artifactType: artifactType.bundle,
    contentType: artifactType.bundle,
    content: makeBundle(statement, key),
    annotations: {
      'dev.sigstore.bundle.content': 'dsse-envelope',
      [predicateAnnotation]: statement.predicateType,
    },
  });
}

/** cosign stores a signature as an image, so it has the configuration of one. */
function signatureConfig(payloads: readonly Digest[]): Buffer {
  const config = {
    architecture: '',
    os: '',
    created: '0001-01-01T00:00:00Z',
    config: {},
    rootfs: { type: 'layers', diff_ids: payloads },
    history: payloads.map(() => ({ created: '0001-01-01T00:00:00Z' })),
  };
  return Buffer.from(canonicalJson(config), 'utf8');
}
