import { KeyObject, X509Certificate, createPrivateKey, webcrypto } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { replaceFile } from '../owner/replace-file.ts';

/** What the HTTPS server and its clients need, in PEM. */
export interface ServingCertificate {
  readonly key: string;
  readonly certificate: string;
  /** The local authority: what clients trust. */
  readonly authority: string;
}

const dayMs = 24 * 3600 * 1000;
/** Browsers and Apple's trust store refuse longer ones. */
const leafDays = 397;
/** A leaf with less left than this is made anew at the next start. */
const renewDays = 30;
const authorityDays = 3650;
/** Loaded only when a certificate is made, once in a year: it takes 20 MB that a server at rest does not need. It wants a polyfill of Reflect. */
async function loadX509(): Promise<typeof import('@peculiar/x509')> {
  await import('reflect-metadata');
  return import('@peculiar/x509');
}

const algorithm = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' };

/**
 * The certificate of the API, signed by an authority that lives in `folder` (`ca.pem`, `ca.key`, `server.pem`,
 * `server.key`; keys 0600). Both are made when missing and the leaf is renewed before it ends; the authority stays, so
 * that clients that trust it go on trusting it.
 */
export async function openCertificate(folder: string, now: number): Promise<ServingCertificate> {
  const paths = {
    authority: join(folder, 'ca.pem'),
    authorityKey: join(folder, 'ca.key'),
    leaf: join(folder, 'server.pem'),
    leafKey: join(folder, 'server.key'),
  };
  if (!existsSync(paths.authority) || !existsSync(paths.authorityKey) || endsBefore(paths.authority, now)) {
    const authority = await makeAuthority(now);
    replaceFile(paths.authorityKey, authority.key, 0o600);
    replaceFile(paths.authority, authority.certificate, 0o600);
    await writeLeaf(paths, now);
  } else if (!leafFits(paths) || endsBefore(paths.leaf, now)) {
    await writeLeaf(paths, now);
  }
  return {
    key: readFileSync(paths.leafKey, 'utf8'),
    certificate: readFileSync(paths.leaf, 'utf8'),
    authority: readFileSync(paths.authority, 'utf8'),
  };
}

interface Paths {
  readonly authority: string;
  readonly authorityKey: string;
  readonly leaf: string;
  readonly leafKey: string;
}

async function makeAuthority(now: number): Promise<{ key: string; certificate: string }> {
  const x509 = await loadX509();
  const keys = await webcrypto.subtle.generateKey(algorithm, true, ['sign', 'verify']);
  const certificate = await x509.X509CertificateGenerator.createSelfSigned(
    {
      serialNumber: serialNumber(),
      name: 'CN=Galley local authority',
      notBefore: new Date(now - dayMs),
      notAfter: new Date(now + authorityDays * dayMs),
      signingAlgorithm: algorithm,
      keys,
      extensions: [
        // Path length 0: it signs servers, never another authority.
        new x509.BasicConstraintsExtension(true, 0, true),
        new x509.KeyUsagesExtension(x509.KeyUsageFlags.keyCertSign | x509.KeyUsageFlags.cRLSign, true),
        await x509.SubjectKeyIdentifierExtension.create(keys.publicKey, false, webcrypto),
      ],
    },
    webcrypto,
  );
  return { key: await keyPem(keys.privateKey), certificate: `${certificate.toString('pem')}\n` };
}

async function writeLeaf(paths: Paths, now: number): Promise<void> {
  const x509 = await loadX509();
  const authority = new x509.X509Certificate(readFileSync(paths.authority, 'utf8'));
  const signingKey = await readKey(paths.authorityKey);
  const keys = await webcrypto.subtle.generateKey(algorithm, true, ['sign', 'verify']);
  const certificate = await x509.X509CertificateGenerator.create(
    {
      serialNumber: serialNumber(),
      subject: 'CN=Galley API',
      issuer: authority.subject,
      notBefore: new Date(now - dayMs),
      notAfter: new Date(now + leafDays * dayMs),
      signingAlgorithm: algorithm,
      publicKey: keys.publicKey,
      signingKey,
      extensions: [
        new x509.BasicConstraintsExtension(false, undefined, true),
        new x509.ExtendedKeyUsageExtension([x509.ExtendedKeyUsage.serverAuth], false),
        new x509.SubjectAlternativeNameExtension(
          [
            { type: 'dns', value: 'localhost' },
            { type: 'ip', value: '127.0.0.1' },
            { type: 'ip', value: '::1' },
          ],
          false,
        ),
        await x509.AuthorityKeyIdentifierExtension.create(authority, false, webcrypto),
      ],
    },
    webcrypto,
  );
  replaceFile(paths.leafKey, await keyPem(keys.privateKey), 0o600);
  replaceFile(paths.leaf, `${certificate.toString('pem')}\n`, 0o600);
}

/** After `kill -9` in the middle of a renewal the files are of two generations: each whole, but none fits another. */
function leafFits(paths: Paths): boolean {
  if (!existsSync(paths.leaf) || !existsSync(paths.leafKey)) return false;
  const leaf = new X509Certificate(readFileSync(paths.leaf));
  const authority = new X509Certificate(readFileSync(paths.authority));
  return (
    leaf.checkPrivateKey(createPrivateKey(readFileSync(paths.leafKey))) && leaf.verify(authority.publicKey)
  );
}

function endsBefore(path: string, now: number): boolean {
  return new X509Certificate(readFileSync(path)).validToDate.getTime() < now + renewDays * dayMs;
}

/** RFC 5280 §4.1.2.2: positive, at most 20 bytes. */
function serialNumber(): string {
  const bytes = webcrypto.getRandomValues(new Uint8Array(16));
  bytes[0] = ((bytes[0] ?? 0) & 0x7f) | 0x01;
  return Buffer.from(bytes).toString('hex');
}

async function keyPem(key: webcrypto.CryptoKey): Promise<string> {
  return KeyObject.from(key).export({ type: 'pkcs8', format: 'pem' }).toString();
}

async function readKey(path: string): Promise<webcrypto.CryptoKey> {
  const der = createPrivateKey(readFileSync(path)).export({ type: 'pkcs8', format: 'der' });
  return webcrypto.subtle.importKey('pkcs8', new Uint8Array(der), algorithm, false, ['sign']);
}
