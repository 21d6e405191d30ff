import { execFile, spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Image } from '@galley/image/image';
import { openLayoutStore } from '@galley/image/layout-store';
import { noiseImage, transferOptions } from '@galley/image/registry-client/fixtures/push-pull';
import { pullImage } from '@galley/image/registry-client/pull-image';
import { pushImage } from '@galley/image/registry-client/push-image';
import { serveRegistry, type ServedRegistry } from '@galley/image/registry-server/fixtures/serve-registry';
import { attestImage, signImage } from '@galley/image/signature/sign-image';
import {
  generateKey,
  readSigningKey,
  readVerifyingKey,
  type SigningKey,
} from '@galley/image/signature/signing-key';
import { statementOf } from '@galley/image/signature/statement';
import { verifyImage } from '@galley/image/signature/verify-image';
import type { ImageStore } from '@galley/image/store';

/** The real cosign on our signatures, and we on its. Version 2 is in Debian from 13 on; where there is none all of it is skipped. */
const hasCosign = spawnSync('cosign', ['version']).error === undefined;

describe.skipIf(!hasCosign)('signatures and cosign (skipped without cosign)', () => {
  let folder: string;
  let store: ImageStore;
  let served: ServedRegistry;
  let image: Image;
  let key: SigningKey;
  const ref = (): string => `${served.host}/team/iris:v1`;
  const cosign = (...args: string[]): Promise<{ stdout: string; stderr: string }> =>
    promisify(execFile)('cosign', args, {
      cwd: folder,
      env: {
        ...process.env,
        HOME: folder,
        COSIGN_PASSWORD: '',
        COSIGN_EXPERIMENTAL: '1',
        COSIGN_YES: 'true',
      },
    });
  const subject = () => ({
    digest: image.digest,
    mediaType: image.manifest.mediaType,
    identity: `${served.host}/team/iris`,
  });

  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), 'galley-cosign-'));
    store = await openLayoutStore(join(folder, 'store'));
    served = await serveRegistry(await openLayoutStore(join(folder, 'remote')));
    image = await noiseImage(store, [1000]);
    key = readSigningKey(generateKey());
    for (const manifest of await signImage(store, subject(), key)) await store.putManifest(manifest);
    const statement = statementOf({ digest: image.digest, name: 'iris' }, 'https://slsa.dev/provenance/v1', {
      buildDefinition: { buildType: 'x', externalParameters: {} },
      runDetails: { builder: { id: 'x' } },
    });
    await store.putManifest(await attestImage(store, subject(), statement, key));
    await pushImage(store, image.digest, transferOptions(ref(), 'push'));
    // No certificates and no log: the key alone is trusted.
    const root = {
      mediaType: 'application/vnd.dev.sigstore.trustedroot+json;version=0.1',
      tlogs: [],
      certificateAuthorities: [],
      ctlogs: [],
      timestampAuthorities: [],
    };
    writeFileSync(join(folder, 'root.json'), JSON.stringify(root));
    writeFileSync(join(folder, 'ours.pub'), key.publicPem);
    writeFileSync(join(folder, 'stranger.pub'), readSigningKey(generateKey()).publicPem);
  });
  afterAll(async () => {
    await served.close();
    rmSync(folder, { recursive: true });
  });

  test('cosign verifies our signature with our key and with no other', async () => {
    const { stdout } = await cosign(
      'verify',
      '--key',
      'ours.pub',
      '--insecure-ignore-tlog',
      '--allow-http-registry',
      ref(),
    );
    expect(JSON.parse(stdout)).toMatchObject([
      {
        critical: {
          identity: { 'docker-reference': `${served.host}/team/iris` },
          image: { 'docker-manifest-digest': image.digest },
        },
      },
    ]);
    await expect(
      cosign('verify', '--key', 'stranger.pub', '--insecure-ignore-tlog', '--allow-http-registry', ref()),
    ).rejects.toThrow('no matching signatures');
  });

  test('cosign verifies our signed provenance in the bundle of its later versions', async () => {
    const { stdout } = await cosign(
      'verify-attestation',
      '--key',
      'ours.pub',
      '--type',
      'slsaprovenance1',
      '--new-bundle-format',
      '--trusted-root',
      'root.json',
      '--insecure-ignore-tlog',
      '--allow-http-registry',
      ref(),
    );
    const envelope = JSON.parse(stdout);
    expect(JSON.parse(Buffer.from(envelope.payload, 'base64').toString())).toMatchObject({
      predicateType: 'https://slsa.dev/provenance/v1',
    });
  });

  test('we verify what cosign signed', async () => {
    await cosign('generate-key-pair');
    await cosign(
      'sign',
      '--key',
      'cosign.key',
      '--tlog-upload=false',
      '--allow-http-registry',
      `${served.host}/team/iris@${image.digest}`,
    );
    const fresh = await openLayoutStore(join(folder, 'fresh'));
    const pulled = await pullImage(fresh, { ...transferOptions(ref(), 'pull'), referrers: true });
    for (const { bytes, subject: of } of pulled.referrers) await fresh.putManifest(bytes, of);
    const { stdout } = await cosign('public-key', '--key', 'cosign.key');
    const verified = await verifyImage(fresh, image.digest, [readVerifyingKey(stdout)]);
    expect(verified.signatures).toMatchObject([
      { format: 'simple-signing', identity: `${served.host}/team/iris` },
    ]);
    // And ours is still there.
    expect((await verifyImage(fresh, image.digest, [key])).signatures.length).toBeGreaterThan(0);
  });
});
