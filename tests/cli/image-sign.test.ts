import { generateKeyPairSync } from 'node:crypto';
import { existsSync } from 'node:fs';
import { mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { openLayoutStore } from '../../packages/image/src/layout-store.ts';
import { noiseImage } from '../../packages/image/src/registry-client/fixtures/push-pull.ts';
import {
  serveRegistry,
  type ServedRegistry,
} from '../../packages/image/src/registry-server/fixtures/serve-registry.ts';
import { galley, type Session } from './galley.ts';

let folder: string;
let served: ServedRegistry;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'galley-cli-sign-'));
  served = await serveRegistry(await openLayoutStore(join(folder, 'remote')));
  const store = await openLayoutStore(join(folder, 'mine', 'images'));
  await store.tag('default/iris:latest', (await noiseImage(store, [1000])).digest);
});
afterAll(async () => {
  await served.close();
  await rm(folder, { recursive: true, force: true });
});

const typed = (line: string, at = 'mine'): Promise<Session> =>
  galley(line.split(' '), { home: join(folder, at) });

test(
  'an image is signed, described, pushed, and verified by somebody else with the public key',
  { timeout: 120_000 },
  async () => {
    const sign = await typed('image sign default/iris -o json');
    expect(sign.exitCode).toBe(0);
    const { digest, referrers } = JSON.parse(sign.stdout);
    expect(referrers).toHaveLength(2);
    const pub = join(folder, 'mine', 'signing', 'galley.pub');
    expect(await readFile(pub, 'utf8')).toContain('BEGIN PUBLIC KEY');
    expect((await stat(join(folder, 'mine', 'signing', 'galley.key'))).mode & 0o777).toBe(0o600);
    const attach = await typed('image provenance default/iris --attach');
    expect(attach.stdout).toMatch(/^Attached sha256:[0-9a-f]{64} to default\/iris, signed with /);
    expect((await typed('image sbom default/iris --attach')).exitCode).toBe(0);
    const target = `${served.host}/team/iris:v1`;
    expect((await typed(`image push default/iris ${target}`)).stdout).toContain(
      'Along with it: 4 that refer to it',
    );
    expect((await typed(`image pull ${target} --referrers`, 'theirs')).stdout).toContain('Along with it: 4');
    const verify = await typed(`image verify ${target} --key ${pub}`, 'theirs');
    expect(verify.exitCode).toBe(0);
    expect(verify.stdout).toContain(`${digest}, is signed:`);
    expect(verify.stdout).toContain('says https://slsa.dev/provenance/v1');
    // They signed nothing ever, and checking makes no key; another's key signed nothing of it.
    expect((await typed(`image verify ${target}`, 'theirs')).stderr).toContain('has signed nothing yet');
    expect(existsSync(join(folder, 'theirs', 'signing'))).toBe(false);
    const other = join(folder, 'other.pub');
    const { publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
    await writeFile(other, publicKey.export({ type: 'spki', format: 'pem' }));
    expect(await typed(`image verify ${target} --key ${other}`, 'theirs')).toMatchObject({
      exitCode: 2,
      stderr: expect.stringMatching(
        /SIGNATURE_MISSING[\s\S]*not counted: [0-9a-f]{12}, signed by a key that is not known here/,
      ),
    });
  },
);

test(
  'an image is pulled only if one of the given keys signed it, else it gets no name',
  { timeout: 120_000 },
  async () => {
    const target = `${served.host}/team/iris:v1`;
    const { publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
    const stranger = join(folder, 'stranger.pub');
    await writeFile(stranger, publicKey.export({ type: 'spki', format: 'pem' }));
    const refused = await typed(`image pull ${target} --key ${stranger}`, 'careful');
    expect(refused).toMatchObject({ exitCode: 2, stderr: expect.stringContaining('SIGNATURE_MISSING') });
    expect((await typed('image list', 'careful')).stdout).toContain('No images yet');
    const pub = join(folder, 'mine', 'signing', 'galley.pub');
    const taken = await typed(`image pull ${target} --key ${stranger} --key ${pub}`, 'careful');
    expect(taken).toMatchObject({ exitCode: 0, stdout: expect.stringContaining('Along with it: 4') });
  },
);
