import { once } from 'node:events';
import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { createServer, type Server, type ServerResponse } from 'node:http';
import { createServer as createTcpServer, type AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import type { Image } from '../image.ts';
import { openLayoutStore } from '../layout-store.ts';
import { serveRegistry, type ServedRegistry } from '../registry-server/fixtures/serve-registry.ts';
import type { ImageStore } from '../store.ts';
import { noiseImage, transferOptions } from './fixtures/push-pull.ts';
import { pullImage, type PullReport } from './pull-image.ts';
import { pushImage } from './push-image.ts';
import { locationOf } from './redirect.ts';
import { listReferrers } from './referrer-exchange.ts';
import { openRegistry } from './registry.ts';

let folder: string;
let remote: ImageStore;
let fresh: ImageStore;
let served: ServedRegistry;
let image: Image;

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'galley-hostile-registry-'));
  remote = await openLayoutStore(join(folder, 'remote'));
  fresh = await openLayoutStore(join(folder, 'fresh'));
  served = await serveRegistry(remote);
  image = await noiseImage(remote, [300_000]);
  await remote.tag('team/model:v1', image.digest);
});
afterAll(async () => {
  await served.close();
  rmSync(folder, { recursive: true });
});
beforeEach(() => served.between(() => false));

const pull = (more: { readonly silenceMs?: number } = {}): Promise<PullReport> =>
  pullImage(fresh, transferOptions(`${served.host}/team/model:v1`, 'pull', more));

/** Answers every request to `path` otherwise. */
function answer(path: RegExp, how: (response: ServerResponse, url: string) => void): void {
  served.between((request, response) => {
    if (!path.test(request.url ?? '')) return false;
    how(response, request.url ?? '');
    return true;
  });
}

async function listening(server: Server): Promise<string> {
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return `127.0.0.1:${(server.address() as AddressInfo).port}`; // a server that listens on TCP has a port
}

test.each([
  [401, 'REGISTRY_UNAUTHORIZED', 'docker login'],
  [403, 'REGISTRY_DENIED', 'the right'],
  [404, 'REGISTRY_NOT_FOUND', 'Check the name'],
  [416, 'REGISTRY_FAILED', 'may not support'],
  [429, 'REGISTRY_BUSY', 'Try again'],
  [500, 'REGISTRY_FAILED', 'later'],
  [503, 'REGISTRY_FAILED', 'later'],
])('HTTP %i is %s, which names registry and image and says what to do', async (status, code, hint) => {
  const said = { errors: [{ code: 'SOME_CODE', message: 'no\u001b[2J\nway' }] };
  answer(/manifests/, (response) => response.writeHead(status).end(JSON.stringify(said)));
  await expect(pull()).rejects.toMatchObject({
    code,
    message: expect.stringMatching(
      new RegExp(`${served.host}.*team/model:v1.*HTTP ${status}.*no \\[2J way$`),
    ),
    hint: expect.stringContaining(hint),
    details: { status },
  });
});

test('a registry that lies about a size is found out before or after the bytes, and nothing is kept', async () => {
  const { size } = image.manifest.layers[0] ?? { size: 0 };
  const lies: readonly [(response: ServerResponse) => void, RegExp][] = [
    [(response) => response.writeHead(200, { 'content-length': '17' }).end('x'.repeat(17)), /17 bytes/],
    [(response) => response.writeHead(200).end('x'.repeat(size + 5)), /more than/],
    [(response) => response.writeHead(200).end(), /only 0 of/],
  ];
  for (const [lie, words] of lies) {
    answer(/blobs/, lie);
    await expect(pull()).rejects.toMatchObject({
      code: 'REGISTRY_ANSWER_INVALID',
      message: expect.stringMatching(words),
    });
  }
  expect(readdirSync(join(fresh.root, 'ingest'))).toEqual([]);
  expect(await fresh.has(image.digest)).toBe(false);
});

test('bytes under a digest that is not theirs are refused, of blobs and of manifests', async () => {
  served.between((request, response) => {
    if (!/blobs/.test(request.url ?? '')) return false;
    const size = image.layers.find((layer) => request.url?.includes(layer.descriptor.digest))?.descriptor
      .size;
    response.writeHead(200).end('x'.repeat(size ?? image.manifest.config.size));
    return true;
  });
  await expect(pull()).rejects.toMatchObject({ code: 'DIGEST_MISMATCH' });
  answer(/manifests/, (response) =>
    response
      .writeHead(200, { 'docker-content-digest': `sha256:${'0'.repeat(64)}` })
      .end('{"schemaVersion":2}'),
  );
  await expect(pull()).rejects.toMatchObject({ code: 'DIGEST_MISMATCH' });
  served.between(() => false);
  const byDigest = `${served.host}/team/model@${image.digest}`;
  answer(/manifests/, (response) => response.writeHead(200).end('{"schemaVersion":2}'));
  const other = pullImage(fresh, transferOptions(byDigest, 'pull'));
  await expect(other).rejects.toMatchObject({ code: 'DIGEST_MISMATCH' });
});

test.each([
  ['not JSON', '<html>'],
  ['a list', '[]'],
  ['the old schema', '{"schemaVersion":1}'],
  ['no image', '{"schemaVersion":2,"mediaType":"text/plain"}'],
  ['an image and an index at once', '{"schemaVersion":2,"config":{},"layers":[],"manifests":[]}'],
  ['without end', `{"schemaVersion":2,"x":"${'y'.repeat(5 << 20)}"}`],
])('a manifest that is %s is refused', async (_name, text) => {
  answer(/manifests/, (response) => response.writeHead(200).end(text));
  await expect(pull()).rejects.toMatchObject({ code: 'REGISTRY_ANSWER_INVALID' });
});

test('a manifest of a million terabytes is refused before a byte of it', async () => {
  const { layers, ...rest } = image.manifest;
  const huge = { ...rest, layers: layers.map((layer) => ({ ...layer, size: 2 ** 50 })) };
  answer(/manifests/, (response) => response.writeHead(200).end(JSON.stringify(huge)));
  await expect(pull()).rejects.toMatchObject({
    code: 'IMAGE_INVALID',
    message: expect.stringContaining('larger'),
  });
  const many = {
    ...rest,
    layers: Array.from({ length: 2000 }, (_, n) => ({
      ...layers[0],
      digest: `sha256:${String(n).padStart(64, '0')}`,
    })),
  };
  answer(/manifests/, (response) => response.writeHead(200).end(JSON.stringify(many)));
  await expect(pull()).rejects.toMatchObject({
    code: 'IMAGE_INVALID',
    message: expect.stringContaining('blobs'),
  });
});

test('a redirection in a circle ends', async () => {
  answer(/blobs/, (response, url) => response.writeHead(307, { location: url }).end());
  const before = served.requests.length;
  await expect(pull()).rejects.toMatchObject({ code: 'REGISTRY_REDIRECT' });
  expect(served.requests.length - before).toBeLessThan(20);
});

test('storage behind the registry is followed, and never sees the password', async () => {
  const seen: (string | undefined)[] = [];
  const storage = createServer((request, response) => {
    seen.push(request.headers.authorization);
    const digest = request.url?.slice(1) ?? '';
    void fetch(`http://${served.host}/v2/team/model/blobs/${digest}`)
      .then((blob) => blob.arrayBuffer())
      .then((bytes) => response.end(Buffer.from(bytes)));
  });
  const host = await listening(storage);
  served.between((request, response) => {
    if (request.headers.authorization === undefined && /^\/v2\/(?:$|.*manifests)/.test(request.url ?? '')) {
      response.writeHead(401, { 'www-authenticate': 'Basic realm="x"' }).end();
      return true;
    }
    if (request.headers.authorization === undefined || !/blobs/.test(request.url ?? '')) return false;
    response.writeHead(302, { location: `http://${host}/${request.url?.split('/').at(-1)}` }).end();
    return true;
  });
  const before = served.authorizations.length;
  const options = transferOptions(`${served.host}/team/model:v1`, 'pull', {
    credentials: async () => ({ kind: 'password', username: 'ada', password: 'open-sesame' }),
  });
  expect(await pullImage(fresh, options)).toMatchObject({ digest: image.digest, blobs: { fetched: 2 } });
  expect(seen).toEqual([undefined, undefined]);
  expect(served.authorizations.slice(before)).toContain(
    `Basic ${Buffer.from('ada:open-sesame').toString('base64')}`,
  );
  storage.closeAllConnections();
  storage.close();
});

test.each([
  ['https://registry.example/v2/', 'http://registry.example/blob'],
  ['https://registry.example/v2/', 'https://127.0.0.1/blob'],
  ['https://registry.example/v2/', 'https://169.254.169.254/latest/meta-data'],
  ['https://registry.example/v2/', 'https://[::1]/'],
  ['https://registry.example/v2/', 'https://[::ffff:127.0.0.1]/'],
  ['https://registry.example/v2/', 'https://localhost/'],
  ['https://registry.example/v2/', 'https://localhost./'],
  ['https://registry.example/v2/', 'https://0.0.0.0/'],
  ['https://registry.example/v2/', 'https://2130706433/'],
  ['https://registry.example/v2/', 'file:///etc/passwd'],
  ['https://registry.example/v2/', 'https://user:secret@storage.example/'],
  ['https://registry.example/v2/', 'https://['],
  ['https://registry.example/v2/', ''],
])('from %s nobody goes to %s', (from, to) => {
  expect(() => locationOf('registry.example', new URL(from), to)).toThrow(
    expect.objectContaining({ code: 'REGISTRY_REDIRECT' }),
  );
});

test('an address of an upload may be relative, on another host, and have a query', () => {
  const from = new URL('https://registry.example/v2/a/blobs/uploads/');
  const read = (to: string): string => locationOf('registry.example', from, to).href;
  expect(read('/v2/a/blobs/uploads/1?x=y#z')).toBe('https://registry.example/v2/a/blobs/uploads/1?x=y');
  expect(read('2?_state=a%2Fb')).toBe('https://registry.example/v2/a/blobs/uploads/2?_state=a%2Fb');
  expect(read('https://storage.example/u?sig=1')).toBe('https://storage.example/u?sig=1');
});

test('an upload without an address, and one whose bytes are stored as something else, are refused', async () => {
  const push = (): Promise<unknown> =>
    pushImage(remote, image.digest, transferOptions(`${served.host}/new/model:v1`, 'push'));
  answer(/blobs/, (response, url) => response.writeHead(/uploads/.test(url) ? 202 : 404).end());
  await expect(push()).rejects.toMatchObject({ code: 'REGISTRY_REDIRECT' });
  answer(/blobs/, (response, url) => {
    if (!/uploads/.test(url)) response.writeHead(404).end();
    else
      response
        .writeHead(/digest=/.test(url) ? 201 : 202, {
          location: '/v2/new/model/blobs/uploads/1',
          'docker-content-digest': `sha256:${'0'.repeat(64)}`,
        })
        .end();
  });
  await expect(push()).rejects.toMatchObject({ code: 'REGISTRY_ANSWER_INVALID' });
  answer(/blobs/, (response) => response.writeHead(200, { 'content-length': '3' }).end());
  await expect(push()).rejects.toMatchObject({
    code: 'REGISTRY_ANSWER_INVALID',
    message: expect.stringContaining('3 bytes'),
  });
});

test('a registry that hangs, and one that does not listen, are unreachable', async () => {
  answer(/manifests/, () => undefined);
  await expect(pull({ silenceMs: 300 })).rejects.toMatchObject({
    code: 'REGISTRY_UNREACHABLE',
    message: expect.stringContaining('UND_ERR_HEADERS_TIMEOUT'),
  });
  const closed = createTcpServer();
  closed.listen(0, '127.0.0.1');
  await once(closed, 'listening');
  const { port } = closed.address() as AddressInfo; // it listens on TCP
  closed.close();
  const nobody = pullImage(fresh, transferOptions(`127.0.0.1:${port}/a:1`, 'pull'));
  await expect(nobody).rejects.toMatchObject({
    code: 'REGISTRY_UNREACHABLE',
    message: expect.stringContaining('ECONNREFUSED'),
  });
});

test('a web server that is no registry says so', async () => {
  const web = createServer((_request, response) => response.writeHead(404).end('nothing here'));
  const host = await listening(web);
  await expect(pullImage(fresh, transferOptions(`${host}/a:1`, 'pull'))).rejects.toMatchObject({
    code: 'REGISTRY_ANSWER_INVALID',
    message: expect.stringContaining('no registry'),
  });
  web.closeAllConnections();
  web.close();
});

const referrer = (index: number): object => ({
  mediaType: 'application/vnd.oci.image.manifest.v1+json',
  digest: `sha256:${String(index).padStart(64, '0')}`,
  size: 100,
});

/** Answers lists of referrers page by page. */
async function listedFrom(next: (page: number) => string | undefined): Promise<readonly string[]> {
  let page = 0;
  answer(/referrers/, (response) => {
    page += 1;
    const target = next(page);
    const headers = target === undefined ? {} : { link: `<${target}>; rel="next"` };
    const type = 'application/vnd.oci.image.index.v1+json';
    response.writeHead(200, { 'content-type': type, ...headers });
    response.end(JSON.stringify({ schemaVersion: 2, mediaType: type, manifests: [referrer(page)] }));
  });
  const registry = await openRegistry(served.host, transferOptions(`${served.host}/x:y`, 'pull'));
  return (await listReferrers(registry, 'team/model', image.digest)).map(({ digest }) => digest.slice(-1));
}

test('what refers to an image is read to its last page', async () => {
  const path = `/v2/team/model/referrers/${image.digest}`;
  expect(await listedFrom((page) => (page < 3 ? `${path}?page=${page + 1}` : undefined))).toEqual([
    '1',
    '2',
    '3',
  ]);
});

test.each([
  ['at another address', () => 'http://127.0.0.1:1/v2/team/model/referrers/x'],
  ['without end', (page: number) => `/v2/team/model/referrers/x?page=${page + 1}`],
])('a list that goes on %s is refused', async (_how, next) => {
  await expect(listedFrom(next)).rejects.toMatchObject({ code: 'REGISTRY_ANSWER_INVALID' });
});
