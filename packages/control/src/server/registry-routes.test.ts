import { execFile, spawnSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { Agent, fetch } from 'undici';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { assembleImage } from '@galley/image/assemble/assemble-image';
import type { Image } from '@galley/image/image';
import { buildLayer } from '@galley/image/layer/build-layer';
import { openLayoutStore } from '@galley/image/layout-store';
import { openRegistryHttp } from '@galley/image/registry-client/open-http';
import { pullImage } from '@galley/image/registry-client/pull-image';
import { pushImage } from '@galley/image/registry-client/push-image';
import { parseReference } from '@galley/image/registry-client/reference';
import type { ImageStore } from '@galley/image/store';
import { fileEntry } from '@galley/image/tar/entry';
import { validateImage } from '@galley/image/validate/validate-image';
import { openRegistryApi, type RegistryApi } from './fixtures/registry-api.ts';

let api: RegistryApi;
let local: ImageStore;
let image: Image;
let agent: Agent;

const has = (program: string): boolean => spawnSync(program, ['--version']).error === undefined;
const ask = (path: string, authorization?: string): ReturnType<typeof fetch> =>
  fetch(`${api.url}${path}`, {
    dispatcher: agent,
    ...(authorization === undefined ? {} : { headers: { authorization } }),
  });
const basic = (password: string): string => `Basic ${Buffer.from(`ada:${password}`).toString('base64')}`;

beforeAll(async () => {
  api = await openRegistryApi();
  agent = new Agent({ connect: { ca: api.authority } });
  local = await openLayoutStore(join(api.folder, 'local'));
  const layer = await buildLayer(local, [fileEntry('data', randomBytes(3_000_000))], { createdBy: 'noise' });
  image = await assembleImage(local, { layers: [layer], config: { Cmd: ['serve'] }, architecture: 'amd64' });
  await local.tag('model:v1', image.digest);
});
afterAll(async () => {
  await api.close();
  await agent.close();
});

test('the registry wants the token as a password or a bearer, and asks for it as registries do', async () => {
  const nobody = await ask('/v2/');
  expect([nobody.status, nobody.headers.get('www-authenticate')]).toEqual([401, 'Basic realm="galley"']);
  expect(await nobody.json()).toMatchObject({ errors: [{ code: 'UNAUTHORIZED' }] });
  expect((await ask('/v2/', basic('wrong'))).status).toBe(401);
  expect((await ask('/v2/a/manifests/b', 'Basic !!')).status).toBe(401);
  expect((await ask('/v2/', basic(api.token))).status).toBe(200);
  expect((await ask('/v2/', `Bearer ${api.token}`)).status).toBe(200);
  // A browser would send a Basic password along with any page's request; so the rest of the API does not take it.
  expect((await ask('/apis/galley.dev/v1alpha1/server', basic(api.token))).status).toBe(401);
  expect((await ask('/v2/../apis/galley.dev/v1alpha1/server', basic(api.token))).status).toBe(401);
});

test('our own client pushes and pulls through it, by TLS and with a password', async () => {
  const options = {
    reference: parseReference(`${api.host}/team/model:v1`),
    http: openRegistryHttp({ env: {}, authorities: { [api.host]: api.authority } }),
    credentials: async () => ({ kind: 'password', username: 'ada', password: api.token }) as const,
    progress: { emit: () => undefined, object: 'image/x', phase: 'push' as const },
  };
  expect(await pushImage(local, image.digest, options)).toMatchObject({ blobs: { uploaded: 2 } });
  expect(await validateImage(api.images, await api.images.resolve('team/model:v1'))).toMatchObject({
    valid: true,
  });
  const fresh = await openLayoutStore(join(api.folder, 'fresh'));
  expect(await pullImage(fresh, options)).toMatchObject({ digest: image.digest });
  const stranger = { ...options, credentials: async () => undefined };
  await expect(pullImage(fresh, stranger)).rejects.toMatchObject({ code: 'REGISTRY_UNAUTHORIZED' });
  // Without the authority's certificate nothing is sent at all, and plain HTTP is no way around it.
  const untrusting = { ...options, http: openRegistryHttp({ env: {} }) };
  await expect(pullImage(fresh, untrusting)).rejects.toMatchObject({
    code: 'REGISTRY_UNREACHABLE',
    hint: expect.stringContaining('ca.crt'),
  });
});

test.skipIf(!has('skopeo'))(
  'skopeo pushes, inspects, pulls, lists and deletes (skipped without skopeo)',
  async () => {
    // Not the blocking form: the registry is in this process.
    const skopeo = async (...args: readonly string[]): Promise<string> =>
      (await promisify(execFile)('skopeo', [...args, '--authfile', api.authFile])).stdout;
    const certs = api.certificates;
    const remote = `docker://${api.host}/skopeo/model`;
    const from = `oci:${local.root}:model:v1`;
    const push = ['copy', from, `${remote}:v1`, '--dest-cert-dir', certs];
    await skopeo(...push);
    expect(await api.images.resolve('skopeo/model:v1')).toBe(image.digest);
    expect(await validateImage(api.images, image.digest)).toMatchObject({ valid: true });
    expect(JSON.parse(await skopeo('inspect', `${remote}:v1`, '--cert-dir', certs))).toMatchObject({
      Digest: image.digest,
    });
    expect(JSON.parse(await skopeo('list-tags', remote, '--cert-dir', certs))).toMatchObject({
      Tags: ['v1'],
    });
    await skopeo('copy', `${remote}:v1`, `oci:${join(api.folder, 'back')}:v1`, '--src-cert-dir', certs);
    const back = await openLayoutStore(join(api.folder, 'back'));
    expect(await back.resolve('v1')).toBe(image.digest);
    expect(await validateImage(back, image.digest)).toMatchObject({ valid: true });
    await skopeo('delete', `${remote}:v1`, '--cert-dir', certs);
    await expect(api.images.resolve('skopeo/model:v1')).rejects.toMatchObject({ code: 'IMAGE_NOT_FOUND' });
  },
);

test('an image that an object names is not deleted', async () => {
  await api.images.tag('used/model:v1', image.digest);
  const spec = { application: 'a', number: 1, snapshot: { source: { archive: image.digest } } };
  // Whatever the kind and the field: a digest in an object is enough.
  await api.objects.create('Build', { metadata: { name: 'a-1', namespace: 'default' }, spec: spec as never });
  // Its tags may have moved on: what the image consists of stays with it.
  for (const { name } of await api.images.tags()) await api.images.untag(name);
  const layer = image.layers[0]?.descriptor.digest ?? image.digest;
  for (const path of [
    `manifests/${image.digest}`,
    `blobs/${image.manifest.config.digest}`,
    `blobs/${layer}`,
  ]) {
    const answer = await fetch(`${api.url}/v2/used/model/${path}`, {
      method: 'DELETE',
      dispatcher: agent,
      headers: { authorization: basic(api.token) },
    });
    expect([answer.status, await answer.json()]).toMatchObject([403, { errors: [{ code: 'DENIED' }] }]);
  }
  expect(await validateImage(api.images, image.digest)).toMatchObject({ valid: true });
  expect(api.faults).toEqual([]);
});
