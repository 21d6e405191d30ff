import { isObject } from '@galley/api/json-object';
import { canonicalJson } from '../canonical-json.ts';
import { artifactType } from '../referrer/artifact-types.ts';
import { parseJson } from '../small-json.ts';
import { open, seal, type Signed } from './dsse.ts';
import type { SigningKey, VerifyingKey } from './signing-key.ts';
import { statementType, type Statement } from './statement.ts';

/**
 * A statement in a bundle of sigstore (protobuf-specs, sigstore_bundle.proto, in JSON). Signed by a key alone: no certificate and no entry in a log,
 * so whoever checks it must know the key.
 */
export function makeBundle(statement: Statement, key: SigningKey): Buffer {
  const signed = { payloadType: statementType, payload: Buffer.from(canonicalJson(statement), 'utf8') };
  const bundle = {
    mediaType: artifactType.bundle,
    verificationMaterial: { publicKey: { hint: key.fingerprint } },
    dsseEnvelope: seal(signed, key),
  };
  return Buffer.from(canonicalJson(bundle), 'utf8');
}

/** What a bundle holds, if one of the keys signed it. */
export function openBundle(
  bytes: Uint8Array,
  keys: readonly VerifyingKey[],
): (Signed & { readonly key: VerifyingKey }) | undefined {
  const value = parseJson(bytes);
  if (!isObject(value) || !String(value['mediaType']).startsWith('application/vnd.dev.sigstore.bundle'))
    return undefined;
  const opened = open(value['dsseEnvelope'], keys);
  return opened?.payloadType === statementType ? opened : undefined;
}
