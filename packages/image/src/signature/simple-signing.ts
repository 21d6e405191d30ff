import { isDigest, type Digest } from '@galley/api/digest';
import { isObject } from '@galley/api/json-object';
import { canonicalJson } from '../canonical-json.ts';
import { parseJson } from '../small-json.ts';

/** The type of the signed text (containers/image, "simple signing"; cosign's SIGNATURE_SPEC). */
export const simpleSigningType = 'application/vnd.dev.cosign.simplesigning.v1+json';

/** Where the signature of that text stands: an annotation of its descriptor. */
export const signatureAnnotation = 'dev.cosignproject.cosign/signature';

/** What is signed: which manifest, and under which name. */
export interface SignedClaim {
  readonly digest: Digest;
  /** `registry.example/team/model`, or what the signer called it. */
  readonly identity: string;
}

/** The text that is signed. `optional` is null as cosign writes it where nothing is added. */
export function simpleSigningPayload(claim: SignedClaim): Buffer {
  const payload = {
    critical: {
      identity: { 'docker-reference': claim.identity },
      image: { 'docker-manifest-digest': claim.digest },
      type: 'cosign container image signature',
    },
    optional: null,
  };
  return Buffer.from(canonicalJson(payload), 'utf8');
}

/** What a signed text claims; undefined: it is none. Only to be believed once its signature was verified. */
export function readSimpleSigning(bytes: Uint8Array): SignedClaim | undefined {
  const value = parseJson(bytes);
  const critical = isObject(value) ? value['critical'] : undefined;
  if (!isObject(critical)) return undefined;
  const image = critical['image'];
  const identity = critical['identity'];
  const digest = isObject(image) ? image['docker-manifest-digest'] : undefined;
  const reference = isObject(identity) ? identity['docker-reference'] : undefined;
  if (typeof digest !== 'string' || !isDigest(digest)) return undefined;
  return { digest, identity: typeof reference === 'string' ? reference : '' };
}
