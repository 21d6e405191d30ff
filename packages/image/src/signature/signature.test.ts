import { execFileSync } from 'node:child_process';
import { createHash, createPublicKey, generateKeyPairSync, verify } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { Image } from '../image.ts';
import { openLayoutStore } from '../layout-store.ts';
import { noiseImage, transferOptions } from '../registry-client/fixtures/push-pull.ts';
import { pullImage } from '../registry-client/pull-image.ts';
import { pushImage } from '../registry-client/push-image.ts';
import { artifactType, signatureTag } from '../referrer/artifact-types.ts';
import { makeReferrer } from '../referrer/make-referrer.ts';
import { readReferrer } from '../referrer/read-referrer.ts';
import { serveRegistry } from '../registry-server/fixtures/serve-registry.ts';
import type { ImageStore } from '../store.ts';
import { makeBundle } from './bundle.ts';
import { preAuthentication } from './dsse.ts';
import { attestImage, signImage } from './sign-image.ts';
import { generateKey, readSigningKey, readVerifyingKey, type SigningKey } from './signing-key.ts';
import { signatureAnnotation, simpleSigningPayload, simpleSigningType } from './simple-signing.ts';
import { signPredicate, statementOf } from './statement.ts';
import { verifyImage } from './verify-image.ts';

let folder: string;
let store: ImageStore;
let image: Image;
let other: Image;
let ada: SigningKey;
let bob: SigningKey;

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'galley-signature-'));
  store = await openLayoutStore(join(folder, 'store'));
  image = await noiseImage(store, [100]);
  other = await noiseImage(store, [200]);
  ada = readSigningKey(generateKey());
  bob = readSigningKey(generateKey());
});
afterAll(() => rmSync(folder, { recursive: true }));

const subject = (of: Image) => ({
  digest: of.digest,
  mediaType: of.manifest.mediaType,
  identity: 'registry.example/team/iris',
});
const put = async (all: readonly Buffer[]): Promise<void> => {
  for (const bytes of all) await store.putManifest(bytes);
};

test('a signature counts for its key and its image, and for no other', async () => {
  expect((await verifyImage(store, image.digest, [ada])).signatures).toEqual([]);
  await put(await signImage(store, subject(image), ada));
  const verified = await verifyImage(store, image.digest, [bob, readVerifyingKey(ada.publicPem)]);
  expect(verified.signatures).toMatchObject([
    { format: 'simple-signing', identity: 'registry.example/team/iris', key: ada.fingerprint },
    { format: 'bundle', predicateType: signPredicate, key: ada.fingerprint },
  ]);
  const stranger = await verifyImage(store, image.digest, [bob]);
  expect(stranger.signatures).toEqual([]);
  expect(stranger.others).toHaveLength(2);
  expect((await verifyImage(store, other.digest, [ada])).signatures).toEqual([]);
  // Signed again by the same key: nothing to do.
  expect(await signImage(store, subject(image), ada)).toEqual([]);
});

test('the signature of a second key joins the first', async () => {
  await put(await signImage(store, subject(image), bob));
  for (const key of [ada, bob]) {
    const { signatures } = await verifyImage(store, image.digest, [key]);
    expect(new Set(signatures.map(({ format }) => format))).toEqual(new Set(['simple-signing', 'bundle']));
  }
  const last = (await store.referrers(image.digest)).findLast(
    (one) => one.artifactType === artifactType.signature,
  );
  expect(await readReferrer(store, last?.digest ?? image.digest)).toHaveLength(2);
});

test('OpenSSL finds both signatures right, over the bytes that the specifications name', async () => {
  writeFileSync(join(folder, 'ada.pub'), ada.publicPem);
  const check = (signature: string, bytes: Uint8Array): string => {
    writeFileSync(join(folder, 'sig'), Buffer.from(signature, 'base64'));
    writeFileSync(join(folder, 'bytes'), bytes);
    const at = (name: string): string => join(folder, name);
    return execFileSync(
      'openssl',
      ['dgst', '-sha256', '-verify', at('ada.pub'), '-signature', at('sig'), at('bytes')],
      { encoding: 'utf8' },
    );
  };
  const [simple, bundle] = await store.referrers(image.digest);
  const [text] = await readReferrer(store, simple?.digest ?? image.digest);
  expect(JSON.parse(text?.bytes.toString() ?? '')).toEqual({
    critical: {
      identity: { 'docker-reference': 'registry.example/team/iris' },
      image: { 'docker-manifest-digest': image.digest },
      type: 'cosign container image signature',
    },
    optional: null,
  });
  expect(
    check(text?.descriptor.annotations?.[signatureAnnotation] ?? '', text?.bytes ?? Buffer.alloc(0)),
  ).toContain('Verified OK');
  const [content] = await readReferrer(store, bundle?.digest ?? image.digest);
  const { dsseEnvelope, verificationMaterial } = JSON.parse(content?.bytes.toString() ?? '');
  const payload = Buffer.from(dsseEnvelope.payload, 'base64');
  // DSSE, protocol.md: "DSSEv1" SP LEN(type) SP type SP LEN(body) SP body.
  const type = 'application/vnd.in-toto+json';
  const signed = Buffer.concat([Buffer.from(`DSSEv1 ${type.length} ${type} ${payload.length} `), payload]);
  expect(check(dsseEnvelope.signatures[0].sig, signed)).toContain('Verified OK');
  const der = createPublicKey(ada.publicPem).export({ type: 'spki', format: 'der' });
  expect(verificationMaterial.publicKey.hint).toBe(createHash('sha256').update(der).digest('base64'));
});

test('the envelope is the one of the DSSE specification', () => {
  // The example of secure-systems-lab/dsse, protocol.md.
  const signed = { payloadType: 'http://example.com/HelloWorld', payload: Buffer.from('hello world') };
  expect(preAuthentication(signed).toString()).toBe('DSSEv1 29 http://example.com/HelloWorld 11 hello world');
});

test.each([
  ['no JSON', async () => Buffer.from('{')],
  [
    'no statement',
    async () => Buffer.from(JSON.stringify({ mediaType: artifactType.bundle, dsseEnvelope: { payload: 1 } })),
  ],
  [
    'a statement about another image',
    async () => makeBundle(statementOf({ digest: other.digest }, signPredicate, {}), ada),
  ],
  [
    'an altered statement',
    async () => {
      const bundle = JSON.parse(
        makeBundle(statementOf({ digest: other.digest }, signPredicate, {}), ada).toString(),
      );
      bundle.dsseEnvelope.payload = Buffer.from(
        JSON.stringify(statementOf({ digest: image.digest }, signPredicate, {})),
      ).toString('base64');
      return Buffer.from(JSON.stringify(bundle));
    },
  ],
])('a bundle with %s does not count', async (_name, make) => {
  const fresh = await openLayoutStore(join(folder, `bundle-${_name}`));
  await fresh.putManifest(await store.readBytes(image.digest));
  const manifest = await makeReferrer(fresh, {
    subject: subject(image),
    artifactType: artifactType.bundle,
    contentType: artifactType.bundle,
    content: await make(),
  });
  await fresh.putManifest(manifest);
  expect(await verifyImage(fresh, image.digest, [ada])).toMatchObject({
    signatures: [],
    statements: [],
    others: [{}],
  });
});

test('a signed text of another image, or with no signature, does not count', async () => {
  const fresh = await openLayoutStore(join(folder, 'texts'));
  await fresh.putManifest(await store.readBytes(image.digest));
  const payload = simpleSigningPayload({ digest: other.digest, identity: 'x' });
  for (const signature of [ada.sign(payload).toString('base64'), '', 'AAAA']) {
    const manifest = await makeReferrer(fresh, {
      subject: subject(image),
      artifactType: artifactType.signature,
      contentType: simpleSigningType,
      content: payload,
      contentAnnotations: { [signatureAnnotation]: signature },
    });
    await fresh.putManifest(manifest);
  }
  const report = await verifyImage(fresh, image.digest, [ada]);
  expect(report.signatures).toEqual([]);
  expect(report.others.map(({ reason }) => reason)).toEqual([
    'a signature of another image',
    'signed by a key that is not known here',
    'signed by a key that is not known here',
  ]);
});

test('signatures go to a registry, under the tag of old tools too, and those of others stay there', async () => {
  const remote = await openLayoutStore(join(folder, 'remote'));
  const served = await serveRegistry(remote);
  await pushImage(store, image.digest, { ...transferOptions(`${served.host}/team/iris:v1`, 'push') });
  const tagged = async (): Promise<unknown> =>
    (await fetch(`http://${served.host}/v2/team/iris/manifests/${signatureTag(image.digest)}`)).json();
  expect(await tagged()).toMatchObject({
    layers: [{ mediaType: simpleSigningType }, { mediaType: simpleSigningType }],
  });
  const carol = readSigningKey(generateKey());
  const theirs = await openLayoutStore(join(folder, 'theirs'));
  const pulled = await pullImage(theirs, {
    ...transferOptions(`${served.host}/team/iris:v1`, 'pull'),
    referrers: true,
  });
  for (const { bytes, subject: of } of pulled.referrers) await theirs.putManifest(bytes, of);
  expect((await verifyImage(theirs, image.digest, [bob])).signatures.length).toBeGreaterThan(0);
  for (const bytes of await signImage(theirs, subject(image), carol)) await theirs.putManifest(bytes);
  // Not every registry names the digest of what it has.
  served.between((_request, response) => {
    const writeHead = response.writeHead.bind(response);
    response.writeHead = ((status: number, headers: Record<string, string>) => {
      const { 'docker-content-digest': _digest, ...rest } = headers;
      return writeHead(status, rest);
    }) as typeof response.writeHead; // only the form that sendAnswer uses is called here
    return false;
  });
  await pushImage(theirs, image.digest, transferOptions(`${served.host}/team/iris:v1`, 'push'));
  await pushImage(store, image.digest, transferOptions(`${served.host}/team/iris:v1`, 'push'));
  expect(await tagged()).toMatchObject({ layers: { length: 3 } });
  await served.close();
});

test('a signed statement is found with what it says', async () => {
  const statement = statementOf({ digest: image.digest, name: 'iris' }, 'https://slsa.dev/provenance/v1', {
    a: 1,
  });
  await store.putManifest(await attestImage(store, subject(image), statement, ada));
  const { statements } = await verifyImage(store, image.digest, [ada]);
  expect(statements).toMatchObject([
    { predicateType: 'https://slsa.dev/provenance/v1', predicate: { a: 1 } },
  ]);
  expect((await verifyImage(store, image.digest, [bob])).statements).toEqual([]);
});

test('keys that are none, of another sort, or locked say so without quoting themselves', () => {
  const locked = generateKey('open sesame');
  expect(readSigningKey(locked, 'open sesame').publicPem).toContain('BEGIN PUBLIC KEY');
  const { privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
  const rsa = privateKey.export({ type: 'pkcs8', format: 'pem' }).toString();
  const bad: readonly (() => unknown)[] = [
    () => readSigningKey(locked, 'wrong'),
    () => readSigningKey(locked),
    () => readSigningKey('secret rubbish'),
    () => readSigningKey(rsa),
    () => readSigningKey('-----BEGIN ENCRYPTED SIGSTORE PRIVATE KEY-----\nsecret\n'),
    () => readVerifyingKey('secret rubbish'),
  ];
  for (const read of bad) {
    expect(read).toThrow(
      expect.objectContaining({
        code: 'SIGNING_KEY_INVALID',
        message: expect.not.stringContaining('secret'),
      }),
    );
  }
  const bytes = Buffer.from('x');
  expect(verify('sha256', bytes, createPublicKey(ada.publicPem), ada.sign(bytes))).toBe(true);
});
