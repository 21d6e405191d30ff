import { createHash, randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { request as httpRequest, type IncomingMessage } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { openLayoutStore } from '../layout-store.ts';
import type { Digest } from '@galley/api/digest';
import { mediaType } from '../media-type.ts';
import { artifactType } from '../referrer/artifact-types.ts';
import type { ImageStore } from '../store.ts';
import { serveRegistry, type ServedRegistry } from './fixtures/serve-registry.ts';

let folder: string;
let store: ImageStore;
let served: ServedRegistry;

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'galley-registry-'));
  store = await openLayoutStore(join(folder, 'store'));
  served = await serveRegistry(store);
});
afterAll(async () => {
  await served.close();
  rmSync(folder, { recursive: true });
});

const sha256 = (bytes: Uint8Array | string): string =>
  `sha256:${createHash('sha256').update(bytes).digest('hex')}`;
const url = (path: string): string => new URL(path, `http://${served.host}`).href;
const ask = (method: string, path: string, init: RequestInit = {}): Promise<Response> =>
  fetch(url(path), { method, ...init });
const codeOf = async (answer: Response): Promise<string> =>
  ((await answer.json()) as { errors: { code: string }[] }).errors[0]?.code ?? '';

async function begin(repository: string): Promise<string> {
  const answer = await ask('POST', `/v2/${repository}/blobs/uploads/`);
  expect(answer.status).toBe(202);
  return answer.headers.get('location') ?? '';
}

async function pushBlob(repository: string, bytes: Uint8Array): Promise<string> {
  const location = await begin(repository);
  const answer = await ask('PUT', `${location}?digest=${sha256(bytes)}`, { body: Buffer.from(bytes) });
  expect(answer.status).toBe(201);
  return sha256(bytes);
}

const config = Buffer.from('{"architecture":"amd64","os":"linux","rootfs":{"type":"layers","diff_ids":[]}}');
const manifestOf = (more: object = {}): string =>
  JSON.stringify({
    schemaVersion: 2,
    mediaType: mediaType.manifest,
    config: { mediaType: mediaType.config, digest: sha256(config), size: config.byteLength },
    layers: [],
    ...more,
  });

function putManifest(
  repository: string,
  reference: string,
  text: string,
  type: string = mediaType.manifest,
): Promise<Response> {
  return ask('PUT', `/v2/${repository}/manifests/${reference}`, {
    body: text,
    headers: { 'content-type': type },
  });
}

test('the version is answered, and what is no endpoint or no name says so', async () => {
  const version = await ask('GET', '/v2/');
  expect([version.status, version.headers.get('docker-distribution-api-version')]).toEqual([
    200,
    'registry/2.0',
  ]);
  expect((await ask('GET', '/v2/a/nothing')).status).toBe(404);
  const name = await ask('GET', '/v2/A/manifests/x');
  expect([name.status, await codeOf(name)]).toEqual([400, 'NAME_INVALID']);
  expect((await ask('GET', '/v2/../../etc/passwd')).status).toBe(404);
  expect((await ask('GET', '/v2/%2e%2e/%2e%2e/blobs/x')).status).toBe(404);
  expect((await ask('GET', '/v2/%2e%2e%2fetc/blobs/x')).status).toBe(400);
});

test('a blob goes up in one request, in one piece, and in pieces', async () => {
  const bytes = randomBytes(100_000);
  const digest = sha256(bytes);
  const single = await ask('POST', `/v2/team/a/blobs/uploads/?digest=${digest}`, { body: bytes });
  expect([single.status, single.headers.get('docker-content-digest')]).toEqual([201, digest]);
  expect(single.headers.get('location')).toBe(`/v2/team/a/blobs/${digest}`);
  await pushBlob('team/a', randomBytes(10));
  const pieces = randomBytes(30_000);
  let location = await begin('team/a');
  for (const start of [0, 10_000]) {
    const answer = await ask('PATCH', location, {
      body: pieces.subarray(start, start + 10_000),
      headers: { 'content-range': `${start}-${start + 9999}` },
    });
    expect([answer.status, answer.headers.get('range')]).toEqual([202, `0-${start + 9999}`]);
    location = answer.headers.get('location') ?? '';
  }
  const end = await ask('PUT', `${location}?digest=${sha256(pieces)}`, { body: pieces.subarray(20_000) });
  expect(end.status).toBe(201);
  const read = await ask('GET', `/v2/team/a/blobs/${sha256(pieces)}`);
  expect(Buffer.from(await read.arrayBuffer()).equals(pieces)).toBe(true);
});

test('a piece in the wrong place is 416 with the right place, and the upload goes on', async () => {
  const location = await begin('team/a');
  const bytes = randomBytes(2000);
  await ask('PATCH', location, { body: bytes.subarray(0, 1000), headers: { 'content-range': '0-999' } });
  const wrong = await ask('PATCH', location, {
    body: bytes.subarray(0, 1000),
    headers: { 'content-range': '0-999' },
  });
  expect([wrong.status, wrong.headers.get('range')]).toEqual([416, '0-999']);
  const lying = await ask('PATCH', location, {
    body: bytes.subarray(1000),
    headers: { 'content-range': '1000-1500' },
  });
  expect([lying.status, await codeOf(lying)]).toEqual([400, 'SIZE_INVALID']);
  const state = await ask('GET', location);
  expect([state.status, state.headers.get('range')]).toEqual([204, '0-999']);
  await ask('PATCH', location, { body: bytes.subarray(1000), headers: { 'content-range': '1000-1999' } });
  expect((await ask('PUT', `${location}?digest=${sha256(bytes)}`)).status).toBe(201);
});

test('a wrong digest keeps nothing; a cancelled or unknown upload is gone', async () => {
  const location = await begin('team/a');
  const wrong = await ask('PUT', `${location}?digest=${sha256('other')}`, { body: 'bytes' });
  expect([wrong.status, await codeOf(wrong)]).toEqual([400, 'DIGEST_INVALID']);
  expect((await ask('HEAD', `/v2/team/a/blobs/${sha256('bytes')}`)).status).toBe(404);
  const cancelled = await begin('team/a');
  expect((await ask('DELETE', cancelled)).status).toBe(204);
  const gone = await ask('PATCH', cancelled, { body: 'x' });
  expect([gone.status, await codeOf(gone)]).toEqual([404, 'BLOB_UPLOAD_UNKNOWN']);
  expect((await ask('GET', `/v2/other/blobs/uploads/${cancelled.split('/').at(-1)}`)).status).toBe(404);
  expect(readdirSync(join(store.root, 'ingest'))).toEqual([]);
});

test('a wrong end of an upload does not disturb the request that is writing to it', async () => {
  const location = await begin('team/a');
  const bytes = randomBytes(200_000);
  const writing = httpRequest(url(location), {
    method: 'PATCH',
    headers: { 'content-length': bytes.byteLength },
  });
  writing.write(bytes.subarray(0, 70_000));
  await expect.poll(async () => (await ask('GET', location)).headers.get('range')).toBe('0-69999');
  const wrong = await ask('PUT', `${location}?digest=nonsense`);
  expect([wrong.status, await codeOf(wrong)]).toEqual([409, 'BLOB_UPLOAD_INVALID']);
  const answered = once(writing, 'response');
  writing.end(bytes.subarray(70_000));
  expect(((await answered) as [IncomingMessage])[0].statusCode).toBe(202);
  expect((await ask('PUT', `${location}?digest=${sha256(bytes)}`)).status).toBe(201);
});

test('a client that dies in the middle of a piece goes on from what arrived', async () => {
  const location = await begin('team/a');
  const bytes = randomBytes(200_000);
  const dying = httpRequest(url(location), {
    method: 'PATCH',
    headers: { 'content-length': bytes.byteLength },
  });
  dying.on('error', () => undefined);
  dying.write(bytes.subarray(0, 70_000));
  await expect.poll(async () => (await ask('GET', location)).headers.get('range')).toBe('0-69999');
  dying.destroy();
  // The server sees the end of the connection a moment later; until then the upload is another's.
  await expect
    .poll(
      async () =>
        (
          await ask('PATCH', location, {
            body: bytes.subarray(70_000),
            headers: { 'content-range': '70000-199999' },
          })
        ).status,
    )
    .toBe(202);
  expect((await ask('PUT', `${location}?digest=${sha256(bytes)}`)).status).toBe(201);
});

test('ranges of a blob, and a mount from another repository', async () => {
  const digest = await pushBlob('team/a', Buffer.from('0123456789'));
  const range = async (text: string): Promise<unknown[]> => {
    const answer = await ask('GET', `/v2/team/a/blobs/${digest}`, { headers: { range: text } });
    return [
      answer.status,
      answer.headers.get('content-range'),
      answer.status === 416 ? '' : await answer.text(),
    ];
  };
  expect(await range('bytes=2-4')).toEqual([206, 'bytes 2-4/10', '234']);
  expect(await range('bytes=8-')).toEqual([206, 'bytes 8-9/10', '89']);
  expect(await range('bytes=-3')).toEqual([206, 'bytes 7-9/10', '789']);
  expect(await range('bytes=10-')).toEqual([416, 'bytes */10', '']);
  expect(await range('bytes=4-2')).toEqual([200, null, '0123456789']);
  expect(await range('bytes=0-1,3-4')).toEqual([200, null, '0123456789']);
  const mounted = await ask('POST', `/v2/team/b/blobs/uploads/?mount=${digest}&from=team/a`);
  expect([mounted.status, mounted.headers.get('location')]).toEqual([201, `/v2/team/b/blobs/${digest}`]);
  const not = await ask('POST', `/v2/team/b/blobs/uploads/?mount=${sha256('nothing')}&from=team/a`);
  expect([not.status, not.headers.get('location')]).toEqual([
    202,
    expect.stringContaining('/blobs/uploads/'),
  ]);
  await ask('DELETE', not.headers.get('location') ?? '');
});

test('a manifest is read back byte for byte, by tag and by digest', async () => {
  await pushBlob('team/m', config);
  const text = `${manifestOf()}\n`;
  const put = await putManifest('team/m', 'v1', text);
  expect([put.status, put.headers.get('docker-content-digest')]).toEqual([201, sha256(text)]);
  for (const reference of ['v1', sha256(text)]) {
    const got = await ask('GET', `/v2/team/m/manifests/${reference}`);
    expect([got.status, got.headers.get('content-type'), await got.text()]).toEqual([
      200,
      mediaType.manifest,
      text,
    ]);
    const head = await ask('HEAD', `/v2/team/m/manifests/${reference}`);
    expect([head.status, head.headers.get('content-length')]).toEqual([200, String(text.length)]);
  }
  expect(await store.resolve('team/m:v1')).toBe(sha256(text));
  const named = await putManifest('team/m', `${sha256(text)}?tag=v2&tag=v3`, text);
  expect(named.headers.get('oci-tag')).toBe('v2, v3');
});

test.each([
  ['not JSON', '{', 'MANIFEST_INVALID'],
  ['no manifest', '{}', 'MANIFEST_INVALID'],
  [
    'another schema',
    '{"schemaVersion":1,"mediaType":"application/vnd.oci.image.manifest.v1+json"}',
    'MANIFEST_INVALID',
  ],
  ['image and index at once', manifestOf({ manifests: [] }), 'MANIFEST_INVALID'],
  ['another type than sent', manifestOf({ mediaType: mediaType.index }), 'MANIFEST_INVALID'],
  [
    'blobs that are not there',
    manifestOf({ layers: [{ mediaType: mediaType.layer, digest: sha256('nowhere'), size: 7 }] }),
    'MANIFEST_BLOB_UNKNOWN',
  ],
])('a manifest is refused: %s', async (_name, text, code) => {
  const answer = await putManifest('team/m', 'bad', text);
  expect([answer.ok, await codeOf(answer)]).toEqual([false, code]);
  expect((await ask('HEAD', '/v2/team/m/manifests/bad')).status).toBe(404);
});

test('a manifest that is too large, or not the one that its name says, is refused', async () => {
  const large = await putManifest('team/m', 'bad', `${manifestOf()}${' '.repeat(5 << 20)}`);
  expect(large.status).toBe(413);
  const other = await putManifest('team/m', sha256('other'), manifestOf());
  expect([other.status, await codeOf(other)]).toEqual([400, 'DIGEST_INVALID']);
});

test('tags and repositories are listed in order, a page at a time', async () => {
  for (const tag of ['c', 'a', 'B', 'b']) await putManifest('list/er', tag, manifestOf());
  expect(await (await ask('GET', '/v2/list/er/tags/list')).json()).toEqual({
    name: 'list/er',
    tags: ['B', 'a', 'b', 'c'],
  });
  const seen: string[] = [];
  let next: string | undefined = '/v2/list/er/tags/list?n=2';
  while (next !== undefined) {
    const answer: Response = await ask('GET', next);
    seen.push(...((await answer.json()) as { tags: string[] }).tags);
    next = /<(.*)>; rel="next"/.exec(answer.headers.get('link') ?? '')?.[1];
  }
  expect(seen).toEqual(['B', 'a', 'b', 'c']);
  expect(await (await ask('GET', '/v2/list/er/tags/list?n=0')).json()).toMatchObject({ tags: [] });
  expect((await ask('GET', '/v2/list/er/tags/list?n=x')).status).toBe(400);
  expect(await (await ask('GET', '/v2/_catalog')).json()).toMatchObject({
    repositories: expect.arrayContaining(['list/er', 'team/m']),
  });
  expect((await ask('GET', '/v2/not/there/tags/list')).status).toBe(404);
});

test('what refers to a manifest is listed, filtered, and may come before it', async () => {
  await pushBlob('ref/a', config);
  const text = manifestOf({ annotations: { n: 'subject' } });
  const subject = { mediaType: mediaType.manifest, digest: sha256(text), size: text.length };
  const sbom = manifestOf({
    subject,
    artifactType: 'application/vnd.cyclonedx+json',
    annotations: { a: 'b' },
  });
  const plain = manifestOf({ subject });
  for (const one of [sbom, plain]) {
    const put = await putManifest('ref/a', sha256(one), one);
    expect([put.status, put.headers.get('oci-subject')]).toEqual([201, sha256(text)]);
  }
  await putManifest('ref/a', 'v1', text);
  const listed = await ask('GET', `/v2/ref/a/referrers/${sha256(text)}`);
  expect(listed.headers.get('content-type')).toBe(mediaType.index);
  expect(await listed.json()).toEqual({
    schemaVersion: 2,
    mediaType: mediaType.index,
    manifests: [
      {
        mediaType: mediaType.manifest,
        digest: sha256(sbom),
        size: sbom.length,
        artifactType: 'application/vnd.cyclonedx+json',
        annotations: { a: 'b' },
      },
      {
        mediaType: mediaType.manifest,
        digest: sha256(plain),
        size: plain.length,
        artifactType: mediaType.config,
      },
    ],
  });
  const filtered = await ask(
    'GET',
    `/v2/ref/a/referrers/${sha256(text)}?artifactType=application/vnd.cyclonedx%2Bjson`,
  );
  expect(filtered.headers.get('oci-filters-applied')).toBe('artifactType');
  expect(((await filtered.json()) as { manifests: unknown[] }).manifests).toHaveLength(1);
  expect(await (await ask('GET', `/v2/ref/a/referrers/${sha256('nobody')}`)).json()).toMatchObject({
    manifests: [],
  });
  expect((await store.tags()).map(({ name }) => name)).not.toContain('ref/a:undefined');
  expect((await ask('DELETE', `/v2/ref/a/manifests/${sha256(sbom)}`)).status).toBe(202);
  expect(
    ((await (await ask('GET', `/v2/ref/a/referrers/${sha256(text)}`)).json()) as { manifests: unknown[] })
      .manifests,
  ).toHaveLength(1);
});

test('signatures that came as a referrer answer to the tag of older tools, and are deleted by their digest', async () => {
  await pushBlob('sig/a', config);
  const text = manifestOf({ annotations: { n: 'signed' } });
  await putManifest('sig/a', 'v1', text);
  const signature = manifestOf({
    subject: { mediaType: mediaType.manifest, digest: sha256(text), size: text.length },
    artifactType: artifactType.signature,
  });
  await putManifest('sig/a', sha256(signature), signature);
  const tag = `/v2/sig/a/manifests/${sha256(text).replace(':', '-')}.sig`;
  expect((await ask('GET', tag)).headers.get('docker-content-digest')).toBe(sha256(signature));
  const refused = await ask('DELETE', tag);
  expect([refused.status, await codeOf(refused)]).toEqual([405, 'UNSUPPORTED']);
  expect((await ask('DELETE', `/v2/sig/a/manifests/${sha256(signature)}`)).status).toBe(202);
  expect((await ask('GET', tag)).status).toBe(404);
});

test('a blob that a build has found is not deleted under it', async () => {
  const blob = await pushBlob('del/c', randomBytes(100));
  const lease = await store.lease('build iris');
  expect(await store.has(blob as Digest)).toBe(true);
  const kept = await ask('DELETE', `/v2/del/c/blobs/${blob}`);
  const { errors } = (await kept.json()) as { errors: readonly { code: string; message: string }[] };
  expect([kept.status, errors[0]]).toEqual([403, expect.objectContaining({ code: 'DENIED' })]);
  expect(errors[0]?.message).toContain('build iris');
  expect(await store.has(blob as Digest)).toBe(true);
  await lease.release();
  expect((await ask('DELETE', `/v2/del/c/blobs/${blob}`)).status).toBe(202);
  expect((await ask('DELETE', `/v2/del/c/blobs/${blob}`)).status).toBe(404);
});

test('a tag is deleted alone, a digest with its tags, a blob only when nothing needs it', async () => {
  const blob = await pushBlob('del/a', randomBytes(100));
  await pushBlob('del/a', config);
  const text = manifestOf({ layers: [{ mediaType: mediaType.layer, digest: blob, size: 100 }] });
  await putManifest('del/a', 'one', text);
  await putManifest('del/a', 'two', text);
  await putManifest('del/b', 'three', text);
  const kept = await ask('DELETE', `/v2/del/a/blobs/${blob}`);
  expect([kept.status, await codeOf(kept)]).toEqual([403, 'DENIED']);
  expect((await ask('DELETE', '/v2/del/a/manifests/one')).status).toBe(202);
  expect((await ask('HEAD', '/v2/del/a/manifests/one')).status).toBe(404);
  expect((await ask('HEAD', '/v2/del/a/manifests/two')).status).toBe(200);
  expect((await ask('DELETE', `/v2/del/a/manifests/${sha256(text)}`)).status).toBe(202);
  expect((await ask('HEAD', '/v2/del/a/manifests/two')).status).toBe(404);
  // Another repository's tag still leads to it.
  expect((await ask('HEAD', '/v2/del/b/manifests/three')).status).toBe(200);
  expect((await ask('DELETE', `/v2/del/b/manifests/${sha256(text)}`)).status).toBe(202);
  expect((await ask('HEAD', `/v2/del/b/manifests/${sha256(text)}`)).status).toBe(404);
  expect((await ask('DELETE', `/v2/del/a/blobs/${blob}`)).status).toBe(202);
  expect((await ask('GET', `/v2/del/a/blobs/${blob}`)).status).toBe(404);
});
