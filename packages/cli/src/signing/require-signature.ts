import { shortDigest, type Digest } from '@galley/api/digest';
import { GalleyError } from '@galley/api/error/galley-error';
import type { VerifyingKey } from '@galley/image/signature/signing-key';
import { verifyImage, type Verification } from '@galley/image/signature/verify-image';
import type { ImageStore } from '@galley/image/store';
import { safeText } from '../render/safe-text.ts';

/**
 * What known keys say of an image. `digests`: its manifest, and the index that it was chosen from; a signature of either counts. Throws
 * `SIGNATURE_MISSING` with what lies there and does not count. `next`: what to do then.
 */
export async function requireSignature(
  store: ImageStore,
  {
    name,
    digests,
    next,
  }: { readonly name: string; readonly digests: readonly Digest[]; readonly next: string },
  keys: readonly VerifyingKey[],
): Promise<Verification> {
  const reports = await Promise.all(digests.map((digest) => verifyImage(store, digest, keys)));
  const signed = reports.find(({ signatures }) => signatures.length > 0);
  if (signed !== undefined) return signed;
  const others = reports.flatMap((report) => report.others);
  throw new GalleyError(
    'SIGNATURE_MISSING',
    `No signature of ${name} was made by ${keys.length === 1 ? 'this key' : 'one of these keys'}.`,
    {
      hint: [next, ...others.map(notCounted)].join('\n'),
      details: { digest: digests[0], keys: keys.map((key) => key.fingerprint), others },
    },
  );
}

/** A line for what does not count, and why. */
export function notCounted({ referrer, reason }: Verification['others'][number]): string {
  return `  not counted: ${shortDigest(referrer)}, ${safeText(reason)}`;
}
