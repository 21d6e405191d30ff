import { createHash, randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import type { IncomingMessage } from 'node:http';
import { request } from 'node:https';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { json } from 'node:stream/consumers';
import { Agent, fetch as undiciFetch } from 'undici';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { GalleyError } from '@galley/api/error/galley-error';
import { createClient, type Client } from '@galley/api/http/client';
import { openLayoutStore } from '@galley/image/layout-store';
import type { ImageStore } from '@galley/image/store';
import { BuildEventStore } from '../store/build-event-store.ts';
import { openDatabase } from '../store/database.ts';
import { SecretStore, openSecretKey } from '../store/secret-store.ts';
import { SqliteObjectStore } from '../store/sqlite-object-store.ts';
import type { ApiContext } from './api-context.ts';
import { serveApi, type ApiServer } from './api-server.ts';
import { openCertificate } from './certificate.ts';
import { openToken } from './token.ts';

let folder: string;
let server: ApiServer;
let client: Client;
let agent: Agent;
let images: ImageStore;
let events: BuildEventStore;
let objects: SqliteObjectStore;
let secrets: SecretStore;
let token: string;
let authority: string;
const stops: boolean[] = [];
const faults: Error[] = [];

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'control-api-'));
  const database = openDatabase(join(folder, 'galley.db'));
  const certificate = await openCertificate(folder, Date.now());
  authority = certificate.authority;
  token = openToken(join(folder, 'token'));
  objects = new SqliteObjectStore({ database, now: () => Date.now() });
  events = new BuildEventStore(database);
  images = await openLayoutStore(join(folder, 'images'));
  secrets = new SecretStore({ database, key: openSecretKey(join(folder, 'key')), now: () => 0 });
  const context: Omit<ApiContext, 'engine' | 'monitors'> = {
    objects,
    events,
    secrets,
    images,
    token,
    info: async () => ({
      version: '0.1.0',
      pid: process.pid,
      startedAt: '',
      api: '',
      gateway: '',
      home: folder,
      isolation: { tier: 'none' },
    }),
    stop: (keep) => void stops.push(keep),
    onFault: (error) => void faults.push(error),
  };
  // These tests ask nothing of an engine or a monitor; `control.test.ts` does, with real ones.
  server = await serveApi(context as ApiContext, { port: 0, certificate });
  agent = new Agent({ connect: { ca: certificate.authority } });
  client = clientWith(token);
});

afterAll(async () => {
  await server.close();
  await agent.close();
  await rm(folder, { recursive: true });
});

function send(url: string, init: object): Promise<Response> {
  // undici's and the platform's types describe the same classes twice.
  return undiciFetch(url, { ...init, dispatcher: agent });
}

function clientWith(bearer: string): Client {
  return createClient({ baseUrl: server.url, token: bearer, fetch: send });
}

const git = { source: { git: { url: 'https://example.org/a.git' } } };
const application = (name: string) => ({ metadata: { name }, spec: git });

test('nobody gets in without the token, or under another host name', async () => {
  await expect(clientWith('wrong').call('serverInfo')).rejects.toMatchObject({ code: 'UNAUTHORIZED' });
  const { port } = new URL(server.url);
  const headers = { authorization: `Bearer ${token}`, host: `evil.example:${port}` };
  const path = '/apis/galley.dev/v1alpha1/server';
  // undici takes the certificate's name from the header; Node's own client lets the two differ, as an attacker would.
  const asked = request({ ca: authority, host: '127.0.0.1', port, path, headers, servername: '' });
  asked.end();
  const [answer] = (await once(asked, 'response')) as [IncomingMessage];
  expect(answer.statusCode).toBe(421);
  expect(await json(answer)).toMatchObject({ code: 'HOST_REFUSED' });
  expect(await client.call('serverInfo')).toMatchObject({ home: folder });
});

test('an application is created, read, listed, patched, replaced and deleted', async () => {
  const created = await client.create('Application', 'default', application('iris'));
  expect(await client.get('Application', 'default', 'iris')).toEqual(created);
  await expect(client.create('Application', 'default', application('iris'))).rejects.toMatchObject({
    code: 'ALREADY_EXISTS',
  });
  const patched = await client.patch('Application', 'default', 'iris', {
    spec: { egress: { hosts: ['example.org:443'] }, source: { git: { ref: 'main' } } },
  });
  expect(patched.spec).toEqual({
    source: { git: { url: 'https://example.org/a.git', ref: 'main' } },
    egress: { hosts: ['example.org:443'] },
  });
  const emptied = await client.patch('Application', 'default', 'iris', { spec: { egress: null } });
  expect(emptied.spec.egress).toBeUndefined();
  await expect(client.update(patched)).rejects.toMatchObject({ code: 'CONFLICT' });
  const replaced = await client.update<'Application'>({ ...emptied, spec: git });
  expect(replaced.metadata.generation).toBe(4);
  expect((await client.list('Application', 'default')).map((item) => item.metadata.name)).toEqual(['iris']);
  await client.delete('Application', 'default', 'iris');
  expect(await client.get('Application', 'default', 'iris')).toBeUndefined();
});

test.each([
  [{ ...application('Iris') }, 'metadata.name'],
  [{ metadata: { name: 'a' }, spec: { source: {} } }, 'spec.source'],
  [{ metadata: { name: 'a' }, spec: { ...git, build: { python: '2.7' } } }, 'spec.build.python'],
  [{ metadata: { name: 'a' }, spec: { ...git, buildd: {} } }, 'spec.buildd is not a known field'],
  [{ metadata: { name: 'a' }, spec: { ...git, egress: { hosts: ['a:1', 'b'] } } }, 'spec.egress.hosts[1]'],
  [
    { metadata: { name: 'a' }, spec: { ...git, secrets: [{ name: 's', as: 'x' }] } },
    'must be one of "file", "env"',
  ],
  [{ metadata: { name: 'a', namespace: 'other' }, spec: git }, 'metadata.namespace must be default'],
])('what is wrong with an object is said by naming the field: %#', async (object, words) => {
  // Wrong on purpose, which the types would not let through.
  const sent = client.create('Application', 'default', object as never);
  await expect(sent).rejects.toMatchObject({
    code: 'OBJECT_INVALID',
    message: expect.stringContaining(words),
  });
});

test('a build of its own is asked for without a name of the object; one of an application is not', async () => {
  const metadata = { generateName: 'roses-' };
  const build = await client.create('Build', 'default', { metadata, spec: { name: 'roses', snapshot: git } });
  expect(build.metadata.name).toMatch(/^roses-[a-z0-9]{5}$/);
  expect(build.status.phase).toBe('Pending');
  for (const spec of [{ application: 'iris', number: 7 }, { application: 'iris' }, { number: 7 }, {}]) {
    const snapshot = { source: { git: { url: 'https://u:hush@example.org/a.git' } } };
    const sent = client.create('Build', 'default', { metadata, spec: { ...spec, snapshot } });
    const error: unknown = await sent.catch((refused: unknown) => refused);
    expect(error).toMatchObject({ code: 'OBJECT_INVALID' });
    expect(JSON.stringify(error)).toMatch(/spec\.name.*spec\.snapshot\.source\.git\.url/);
    expect(JSON.stringify(error)).not.toContain('hush');
  }
});

test('what only Galley writes cannot be written, and an unknown path says so', async () => {
  await expect(client.delete('Build', 'default', 'x')).rejects.toMatchObject({ code: 'NOT_WRITABLE' });
  const headers = { authorization: `Bearer ${token}` };
  expect((await send(`${server.url}/nothing`, { headers })).status).toBe(404);
  const garbage = await send(`${server.url}/apis/galley.dev/v1alpha1/namespaces/default/applications`, {
    method: 'POST',
    headers: { ...headers, 'content-type': 'application/json' },
    body: '{"metadata":',
  });
  expect(await garbage.json()).toMatchObject({ code: 'OBJECT_INVALID' });
});

test('a watch opens at once, tells changes as they come, and of one name only', async () => {
  const changes = client.watch('Application', 'watched', { name: 'rose' })[Symbol.asyncIterator]();
  const first = changes.next();
  await client.create('Application', 'watched', application('iris'));
  await client.create('Application', 'watched', application('rose'));
  expect((await first).value).toMatchObject({ type: 'ADDED', object: { metadata: { name: 'rose' } } });
  await client.delete('Application', 'watched', 'rose');
  await changes.next();
  expect((await changes.next()).value).toMatchObject({ type: 'DELETED' });
  await changes.return?.();
});

test('a watch from what is no longer kept says GONE', async () => {
  await client.create('Application', 'old', application('iris'));
  objects.compact(0);
  const changes = client.watch('Application', 'old', { resourceVersion: '1' })[Symbol.asyncIterator]();
  await expect(changes.next()).rejects.toMatchObject({ code: 'GONE' });
});

test('an upload is hashed again: the right bytes are kept, others are refused and nothing is left', async () => {
  const body = randomBytes(300_000);
  const digest = `sha256:${createHash('sha256').update(body).digest('hex')}` as const;
  const wrong = `sha256:${'0'.repeat(64)}` as const;
  await expect(
    client.call('upload', { params: { project: 'default', digest: wrong }, body }),
  ).rejects.toMatchObject({ code: 'DIGEST_MISMATCH' });
  expect(await images.has(wrong)).toBe(false);
  const stream = new ReadableStream({
    start(controller) {
      controller.enqueue(new Uint8Array(body));
      controller.close();
    },
  });
  const params = { project: 'default', digest };
  expect(await client.call('upload', { params, body: stream })).toEqual({ digest });
  expect(await client.call('upload', { params, body })).toEqual({ digest });
  expect(await images.has(digest)).toBe(true);
});

test('events of a build are followed to its end', async () => {
  const build = await objects.create('Build', {
    metadata: { name: 'iris-1', namespace: 'default' },
    spec: { application: 'iris', number: 1, snapshot: git },
  });
  const { uid } = build.metadata;
  const event = (step: string) =>
    ({ time: '', object: 'build/iris-1', phase: 'lock', step, state: 'done' }) as const;
  events.append(uid, event('one'));
  const seen: string[] = [];
  const following = (async () => {
    const params = { project: 'default', name: 'iris-1' };
    for await (const item of client.stream('buildEvents', { params, query: { follow: 'true' } })) {
      seen.push(item.step);
      if (item.step === 'one') events.append(uid, event('two'));
      if (item.step === 'two') {
        await objects.updateStatus<'Build'>({ ...build, status: { ...build.status, phase: 'Succeeded' } });
        events.wake(uid);
      }
    }
  })();
  await following;
  expect(seen).toEqual(['one', 'two']);
  await expect(
    client.call('buildRecord', { params: { project: 'default', name: 'iris-1', record: 'report' } }),
  ).rejects.toMatchObject({ code: 'RECORD_NOT_FOUND' });
});

test('secrets go in, are listed by name and size, and never come out', async () => {
  const params = { project: 'default', name: 'api-token' };
  await client.call('secretPut', { params, body: { value: 'open-sesame' } });
  const listed = await client.call('secretList', { params });
  expect(listed.items).toMatchObject([{ name: 'api-token', bytes: 11 }]);
  expect(JSON.stringify(listed)).not.toContain('sesame');
  expect(secrets.reveal('default', 'api-token')).toBe('open-sesame');
  await client.call('secretDelete', { params });
  await expect(client.call('secretDelete', { params })).rejects.toMatchObject({ code: 'SECRET_NOT_FOUND' });
});

test('a stop is answered before it happens', async () => {
  expect(await client.call('serverStop', { body: { keep: true } })).toEqual({});
  await expect.poll(() => stops).toEqual([true]);
  expect(faults).toEqual([]);
});

test('a port that is taken is named', async () => {
  const { port } = new URL(server.url);
  const certificate = await openCertificate(folder, Date.now());
  const second = serveApi({ token } as ApiContext, { port: Number(port), certificate });
  await expect(second).rejects.toThrow(GalleyError);
  await expect(second).rejects.toMatchObject({ code: 'PORT_IN_USE' });
});
