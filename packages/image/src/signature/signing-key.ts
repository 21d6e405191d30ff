import {
  createHash,
  createPrivateKey,
  createPublicKey,
  generateKeyPairSync,
  sign,
  verify,
  type KeyObject,
} from 'node:crypto';
import { GalleyError } from '@galley/api/error/galley-error';

/** Who checks a signature. */
export interface VerifyingKey {
  /** In PEM, as `cosign verify --key` takes it. */
  readonly publicPem: string;
  /** The SHA-256 of the public key, in base64: what bundles call a hint, and people a fingerprint. */
  readonly fingerprint: string;
  /** True: this key signed these bytes. Never throws. */
  verifies(bytes: Uint8Array, signature: Uint8Array): boolean;
}

/** Who makes one. The private part never leaves it. */
export interface SigningKey extends VerifyingKey {
  sign(bytes: Uint8Array): Buffer;
}

/** Makes a key on P-256, as cosign does, in PEM (PKCS#8); with a passphrase it is encrypted. */
export function generateKey(passphrase?: string): string {
  const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const encrypted = passphrase === undefined ? {} : { cipher: 'aes-256-cbc', passphrase };
  return privateKey.export({ type: 'pkcs8', format: 'pem', ...encrypted }).toString();
}

/** Reads a private key in PEM. Throws `SIGNING_KEY_INVALID`, which never quotes it. */
export function readSigningKey(pem: string, passphrase?: string): SigningKey {
  // cosign's own format; it can be turned into PKCS#8 by nobody but cosign.
  if (/ENCRYPTED (?:SIGSTORE|COSIGN) PRIVATE KEY/.test(pem)) {
    throw invalid(
      'is encrypted in the way of cosign, which nobody else reads',
      'Use a PKCS#8 key: openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256',
    );
  }
  const key = readKey(() =>
    createPrivateKey({ key: pem, ...(passphrase === undefined ? {} : { passphrase }) }),
  );
  return { ...verifying(createPublicKey(key)), sign: (bytes) => sign('sha256', bytes, key) };
}

/** Reads a public key in PEM, or the public part of a private one. Throws `SIGNING_KEY_INVALID`. */
export function readVerifyingKey(pem: string): VerifyingKey {
  return verifying(readKey(() => createPublicKey(pem)));
}

function verifying(key: KeyObject): VerifyingKey {
  if (key.asymmetricKeyType !== 'ec' || key.asymmetricKeyDetails?.namedCurve !== 'prime256v1') {
    throw invalid(
      'is not on the curve P-256',
      'openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -out galley.key',
    );
  }
  const der = key.export({ type: 'spki', format: 'der' });
  return {
    publicPem: key.export({ type: 'spki', format: 'pem' }).toString(),
    fingerprint: createHash('sha256').update(der).digest('base64'),
    verifies: (bytes, signature) => {
      try {
        return verify('sha256', bytes, key, signature);
      } catch {
        // A signature that is no DER is no signature.
        return false;
      }
    },
  };
}

function readKey(read: () => KeyObject): KeyObject {
  try {
    return read();
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? String(error.code) : '';
    const needs = code === 'ERR_MISSING_PASSPHRASE' || /BAD_DECRYPT|MISSING_PASSPHRASE/.test(code);
    throw needs
      ? invalid('needs another passphrase', 'GALLEY_KEY_PASSPHRASE=… galley image sign …')
      : invalid(
          'is no key in PEM',
          'openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -out galley.key',
        );
  }
}

function invalid(problem: string, hint: string): GalleyError {
  return new GalleyError('SIGNING_KEY_INVALID', `The key ${problem}.`, { hint });
}
