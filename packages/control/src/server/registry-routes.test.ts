import { execFile, spawnSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
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
import { openDatabase } from '../store/database.ts';
import { SqliteObjectStore } from '../store/sqlite-object-store.ts';
import type { ApiContext } from './api-context.ts';
import { serveApi, type ApiServer } from './api-server.ts';
import { openCertificate } from './certificate.ts';
import { openToken } from './token.ts';

let folder: string;
let api: ApiServer;
let images: ImageStore;
let local: ImageStore;
let image: Image;
let objects: SqliteObjectStore;
let authority: string;
let token: string;
let agent: Agent;
const faults: Error[] = [];

const has = (program: string): boolean => spawnSync(program, ['--version']).error === undefined;
const host = (): string => new URL(api.url).host;
const ask = (path: string, authorization?: string): ReturnType<typeof fetch> =>
  fetch(`${api.url}${path}`, {
    dispatcher: agent,
    ...(authorization === undefined ? {} : { headers: { authorization } }),
  });
const basic = (password: string): string => `Basic ${Buffer.from(`ada:${password}`).toString('base64')}`;

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'control-registry-'));
  const certificate = await openCertificate(folder, Date.now());
  authority = certificate.authority;
  token = openToken(join(folder, 'token'));
  images = await openLayoutStore(join(folder, 'images'));
  local = await openLayoutStore(join(folder, 'local'));
  objects = new SqliteObjectStore({
    database: openDatabase(join(folder, 'galley.db')),
    now: () => Date.now(),
  });
  const layer = await buildLayer(local, [fileEntry('data', randomBytes(3_000_000))], { createdBy: 'noise' });
  image = await assembleImage(local, { layers: [layer], config: { Cmd: ['serve'] }, architecture: 'amd64' });
  await local.tag('model:v1', image.digest);
  // The registry asks for images and objects; engine and monitors are behind other doors.
  const context = { images, objects, token, onFault: (error: Error) => void faults.push(error) };
  api = await serveApi(context as unknown as ApiContext, { port: 0, certificate });
  agent = new Agent({ connect: { ca: authority } });
  mkdirSync(join(folder, 'certs'));
  writeFileSync(join(folder, 'certs', 'ca.crt'), authority);
  writeFileSync(
    join(folder, 'auth.json'),
    JSON.stringify({ auths: { [host()]: { auth: Buffer.from(`ada:${token}`).toString('base64') } } }),
  );
});
afterAll(async () => {
  await api.close();
  await agent.close();
  rmSync(folder, { recursive: true });
});

test('the registry wants the token as a password or a bearer, and asks for it as registries do', async () => {
  const nobody = await ask('/v2/');
  expect([nobody.status, nobody.headers.get('www-authenticate')]).toEqual([401, 'Basic realm="galley"']);
  expect(await nobody.json()).toMatchObject({ errors: [{ code: 'UNAUTHORIZED' }] });
  expect((await ask('/v2/', basic('wrong'))).status).toBe(401);
  expect((await ask('/v2/a/manifests/b', 'Basic !!')).status).toBe(401);
  expect((await ask('/v2/', basic(token))).status).toBe(200);
  expect((await ask('/v2/', `Bearer ${token}`)).status).toBe(200);
  // A browser would send a Basic password along with any page's request; so the rest of the API does not take it.
  expect((await ask('/apis/galley.dev/v1alpha1/server', basic(token))).status).toBe(401);
  expect((await ask('/v2/../apis/galley.dev/v1alpha1/server', basic(token))).status).toBe(401);
});

test('our own client pushes and pulls through it, by TLS and with a password', async () => {
  const options = {
    reference: parseReference(`${host()}/team/model:v1`),
    http: openRegistryHttp({ env: {}, authorities: { [host()]: authority } }),
    credentials: async () => ({ kind: 'password', username: 'ada', password: token }) as const,
    progress: { emit: () => undefined, object: 'image/x', phase: 'push' as const },
  };
  expect(await pushImage(local, image.digest, options)).toMatchObject({ blobs: { uploaded: 2 } });
  expect(await validateImage(images, await images.resolve('team/model:v1'))).toMatchObject({ valid: true });
  const fresh = await openLayoutStore(join(folder, 'fresh'));
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
      (await promisify(execFile)('skopeo', [...args, '--authfile', join(folder, 'auth.json')])).stdout;
    const certs = join(folder, 'certs');
    const remote = `docker://${host()}/skopeo/model`;
    const from = `oci:${local.root}:model:v1`;
    const push = ['copy', from, `${remote}:v1`, '--dest-cert-dir', certs];
    await skopeo(...push);
    expect(await images.resolve('skopeo/model:v1')).toBe(image.digest);
    expect(await validateImage(images, image.digest)).toMatchObject({ valid: true });
    expect(JSON.parse(await skopeo('inspect', `${remote}:v1`, '--cert-dir', certs))).toMatchObject({
      Digest: image.digest,
    });
    expect(JSON.parse(await skopeo('list-tags', remote, '--cert-dir', certs))).toMatchObject({
      Tags: ['v1'],
    });
    await skopeo('copy', `${remote}:v1`, `oci:${join(folder, 'back')}:v1`, '--src-cert-dir', certs);
    const back = await openLayoutStore(join(folder, 'back'));
    expect(await back.resolve('v1')).toBe(image.digest);
    expect(await validateImage(back, image.digest)).toMatchObject({ valid: true });
    await skopeo('delete', `${remote}:v1`, '--cert-dir', certs);
    await expect(images.resolve('skopeo/model:v1')).rejects.toMatchObject({ code: 'IMAGE_NOT_FOUND' });
  },
);

test('an image that an object names is not deleted', async () => {
  await images.tag('used/model:v1', image.digest);
  const spec = { application: 'a', number: 1, snapshot: { source: { archive: image.digest } } };
  // Whatever the kind and the field: a digest in an object is enough.
  await objects.create('Build', { metadata: { name: 'a-1', namespace: 'default' }, spec: spec as never });
  const answer = await fetch(`${api.url}/v2/used/model/manifests/${image.digest}`, {
    method: 'DELETE',
    dispatcher: agent,
    headers: { authorization: basic(token) },
  });
  expect([answer.status, await answer.json()]).toMatchObject([403, { errors: [{ code: 'DENIED' }] }]);
  expect(await images.has(image.digest)).toBe(true);
  expect(faults).toEqual([]);
});
