import type { Digest } from '@galley/api/digest';
import { GalleyError } from '@galley/api/error/galley-error';
import type { Descriptor } from '../descriptor.ts';
import { artifactType } from '../referrer/artifact-types.ts';
import { readReferrer, type ReferrerContent } from '../referrer/read-referrer.ts';
import type { ImageStore } from '../store.ts';
import { openBundle } from './bundle.ts';
import type { VerifyingKey } from './signing-key.ts';
import { readSimpleSigning, signatureAnnotation, simpleSigningType } from './simple-signing.ts';
import { readStatement, signPredicate } from './statement.ts';

/** Something that a known key says of an image. */
export interface Verified {
  /** Of the manifest that says it. */
  readonly referrer: Digest;
  readonly format: 'simple-signing' | 'bundle';
  /** The key that signed: its fingerprint. */
  readonly key: string;
  /** Of a signature the name under which it was signed; empty where it has none. */
  readonly identity: string;
  readonly predicateType: string;
  readonly predicate: Readonly<Record<string, unknown>>;
}

/** What lies beside an image and why it does not count. */
export interface Unverified {
  readonly referrer: Digest;
  readonly reason: string;
}

export interface Verification {
  readonly digest: Digest;
  /** Signatures that count. Empty: the image is not signed by any of the keys. */
  readonly signatures: readonly Verified[];
  /** Signed statements: provenance, bills of materials. */
  readonly statements: readonly Verified[];
  readonly others: readonly Unverified[];
}

/** Signatures are small and few; a registry could hang thousands to an image. */
const referrersMax = 200;

/**
 * Checks everything that refers to an image and is signed: by one of these keys, over exactly this manifest. What is wrong is said and does not count,
 * what is no signature is passed over.
 */
export async function verifyImage(
  store: ImageStore,
  digest: Digest,
  keys: readonly VerifyingKey[],
): Promise<Verification> {
  const signatures: Verified[] = [];
  const statements: Verified[] = [];
  const others: Unverified[] = [];
  for (const referrer of (await store.referrers(digest)).slice(0, referrersMax)) {
    for (const result of await judge(store, digest, referrer, keys)) {
      if ('reason' in result) others.push(result);
      else if (result.predicateType === signPredicate) signatures.push(result);
      else statements.push(result);
    }
  }
  return { digest, signatures, statements, others };
}

async function judge(
  store: ImageStore,
  digest: Digest,
  referrer: Descriptor,
  keys: readonly VerifyingKey[],
): Promise<readonly (Verified | Unverified)[]> {
  let contents: readonly ReferrerContent[];
  try {
    contents = await readReferrer(store, referrer.digest);
  } catch (error) {
    if (!(error instanceof GalleyError)) throw error;
    return [{ referrer: referrer.digest, reason: error.message }];
  }
  return contents.flatMap((content): readonly (Verified | Unverified)[] => {
    const { mediaType } = content.descriptor;
    if (mediaType === simpleSigningType) return [judgeSimple(digest, referrer.digest, content, keys)];
    return mediaType === artifactType.bundle ? [judgeBundle(digest, referrer.digest, content, keys)] : [];
  });
}

function judgeSimple(
  digest: Digest,
  referrer: Digest,
  { descriptor, bytes }: ReferrerContent,
  keys: readonly VerifyingKey[],
): Verified | Unverified {
  const signature = Buffer.from(descriptor.annotations?.[signatureAnnotation] ?? '', 'base64');
  const key = keys.find((known) => known.verifies(bytes, signature));
  if (key === undefined) return { referrer, reason: 'signed by a key that is not known here' };
  const claim = readSimpleSigning(bytes);
  if (claim?.digest !== digest) return { referrer, reason: 'a signature of another image' };
  const { identity } = claim;
  return {
    referrer,
    format: 'simple-signing',
    key: key.fingerprint,
    identity,
    predicateType: signPredicate,
    predicate: {},
  };
}

function judgeBundle(
  digest: Digest,
  referrer: Digest,
  { bytes }: ReferrerContent,
  keys: readonly VerifyingKey[],
): Verified | Unverified {
  const opened = openBundle(bytes, keys);
  if (opened === undefined)
    return { referrer, reason: 'signed by a key that is not known here, or no statement' };
  const statement = readStatement(opened.payload, digest);
  if (statement === undefined) return { referrer, reason: 'a statement about another image' };
  return { referrer, format: 'bundle', key: opened.key.fingerprint, identity: '', ...statement };
}
