import { isObject } from '@galley/api/json-object';
import type { SigningKey, VerifyingKey } from './signing-key.ts';

/** What is in an envelope: bytes and their type. */
export interface Signed {
  readonly payloadType: string;
  readonly payload: Buffer;
}

/** A DSSE envelope as JSON holds it (secure-systems-lab/dsse, envelope.md). */
export interface Envelope {
  readonly payloadType: string;
  /** Base64. */
  readonly payload: string;
  readonly signatures: readonly { readonly sig: string; readonly keyid?: string }[];
}

/** What is signed in truth: type and bytes with their lengths, so that one cannot be taken for the other (DSSE, protocol.md). */
export function preAuthentication({ payloadType, payload }: Signed): Buffer {
  const type = Buffer.from(payloadType, 'utf8');
  return Buffer.concat([
    Buffer.from(`DSSEv1 ${type.byteLength} `),
    type,
    Buffer.from(` ${payload.byteLength} `),
    payload,
  ]);
}

/** Signs bytes of a type. */
export function seal(signed: Signed, key: SigningKey): Envelope {
  return {
    payloadType: signed.payloadType,
    payload: signed.payload.toString('base64'),
    signatures: [{ sig: key.sign(preAuthentication(signed)).toString('base64') }],
  };
}

/** The content of an envelope that one of the keys signed; undefined: none did, or it is no envelope. */
export function open(
  value: unknown,
  keys: readonly VerifyingKey[],
): (Signed & { readonly key: VerifyingKey }) | undefined {
  if (!isObject(value)) return undefined;
  const { payloadType, payload, signatures } = value;
  if (typeof payloadType !== 'string' || typeof payload !== 'string' || !Array.isArray(signatures))
    return undefined;
  const signed = { payloadType, payload: Buffer.from(payload, 'base64') };
  const bytes = preAuthentication(signed);
  for (const one of signatures.slice(0, 16)) {
    const text = isObject(one) ? one['sig'] : undefined;
    if (typeof text !== 'string') continue;
    const key = keys.find((known) => known.verifies(bytes, Buffer.from(text, 'base64')));
    if (key !== undefined) return { ...signed, key };
  }
  return undefined;
}
