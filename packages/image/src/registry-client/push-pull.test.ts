import { mkdtempSync, readdirSync, rmSync, utimesSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import type { PruneAnswer } from '@galley/api/http/messages';
import type { Image } from '../image.ts';
import { openLayoutStore } from '../layout-store.ts';
import { mediaType } from '../media-type.ts';
import { pruneStore } from '../prune/prune-store.ts';
import { serveRegistry, type ServedRegistry } from '../registry-server/fixtures/serve-registry.ts';
import type { ImageStore } from '../store.ts';
import { validateImage } from '../validate/validate-image.ts';
import { noiseImage, noPace, transferOptions } from './fixtures/push-pull.ts';
import { pullImage } from './pull-image.ts';
import { pushImage } from './push-image.ts';

let folder: string;
let local: ImageStore;
let remote: ImageStore;
let served: ServedRegistry;
let image: Image;
let stores = 0;

const freshStore = (): Promise<ImageStore> => openLayoutStore(join(folder, `fresh-${(stores += 1)}`));
const at = (name: string): string => `${served.host}/${name}`;
const count = (pattern: RegExp): number => served.requests.filter((line) => pattern.test(line)).length;
let mark = 0;
const since = (pattern: RegExp): number =>
  served.requests.slice(mark).filter((line) => pattern.test(line)).length;

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'galley-push-'));
  local = await openLayoutStore(join(folder, 'local'));
  remote = await openLayoutStore(join(folder, 'remote'));
  served = await serveRegistry(remote);
  image = await noiseImage(local, [3_000_000, 50_000]);
});
afterAll(async () => {
  await served.close();
  rmSync(folder, { recursive: true });
});
beforeEach(() => {
  served.between(() => false);
  mark = served.requests.length;
});

test('an image goes to a registry and comes back the same, and progress tells every byte once', async () => {
  const options = transferOptions(at('team/model:v1'), 'push');
  const pushed = await pushImage(local, image.digest, options);
  const size = image.layers.reduce((sum, layer) => sum + layer.descriptor.size, image.manifest.config.size);
  expect(pushed).toMatchObject({
    reference: at('team/model:v1'),
    digest: image.digest,
    blobs: { uploaded: 3, mounted: 0, known: 0 },
    sentBytes: size,
    totalBytes: size,
    referrers: 0,
  });
  expect(options.bytes()).toBe(size);
  expect(await remote.resolve('team/model:v1')).toBe(image.digest);
  expect(await validateImage(remote, image.digest)).toMatchObject({ valid: true });
  const fresh = await freshStore();
  const pull = transferOptions(at('team/model:v1'), 'pull');
  expect(await pullImage(fresh, pull)).toMatchObject({
    digest: image.digest,
    index: undefined,
    fetchedBytes: size,
  });
  expect(pull.bytes()).toBe(size);
  expect(await validateImage(fresh, image.digest)).toMatchObject({ valid: true });
});

test('an image that is pushed to a digest gets no tag, and no other digest than its own', async () => {
  const target = transferOptions(at(`by/digest@${image.digest}`), 'push');
  expect(await pushImage(local, image.digest, target)).toMatchObject({ digest: image.digest });
  expect((await remote.tags()).filter(({ name }) => name.startsWith('by/digest'))).toEqual([]);
  expect(await pullImage(await freshStore(), target)).toMatchObject({ digest: image.digest });
  const other = transferOptions(at(`by/digest:v1@sha256:${'0'.repeat(64)}`), 'push');
  await expect(pushImage(local, image.digest, other)).rejects.toMatchObject({ code: 'REFERENCE_INVALID' });
});

test('a layer that is gone is told as that, and one that is being pushed is not pruned', async () => {
  const gone = await noiseImage(local, [2_000_000]);
  rmSync(local.blobPath(gone.layers[0]?.descriptor.digest ?? gone.digest));
  const push = pushImage(local, gone.digest, transferOptions(at('gone/model:v1'), 'push'));
  await expect(push).rejects.toMatchObject({ code: 'BLOB_MISSING' });
  const used = await noiseImage(local, [2_000_000, 1000]);
  const dayAgo = Date.now() / 1000 - 86_400;
  for (const { descriptor } of used.layers) utimesSync(local.blobPath(descriptor.digest), dayAgo, dayAgo);
  const pruned: Promise<PruneAnswer>[] = [];
  served.between((request) => {
    const now = (): number => Date.now() + 3_600_000;
    if (request.method === 'POST')
      pruned.push(
        pruneStore(local, { keep: async () => [image.digest], olderThanMs: 0, dryRun: false, now }),
      );
    return false;
  });
  expect(await pushImage(local, used.digest, transferOptions(at('used/model:v1'), 'push'))).toMatchObject({
    blobs: { uploaded: 3 },
  });
  expect((await Promise.all(pruned))[0]?.leases).toMatchObject([
    { purpose: expect.stringContaining('push') },
  ]);
  expect(await validateImage(local, used.digest)).toMatchObject({ valid: true });
});

test('what the registry has is not sent again, what another repository has is mounted', async () => {
  const again = await pushImage(local, image.digest, transferOptions(at('team/model:v2'), 'push'));
  expect(again.blobs).toEqual({ known: 3, mounted: 0, uploaded: 0 });
  expect(again.sentBytes).toBe(0);
  mark = served.requests.length;
  // Our own registry has one set of blobs; a stricter one hides those of other repositories.
  served.between((request, response) => {
    if (request.method !== 'HEAD' || !/\/blobs\//.test(request.url ?? '')) return false;
    response.writeHead(404).end();
    return true;
  });
  const other = await pushImage(local, image.digest, transferOptions(at('other/model:v1'), 'push'));
  expect(other).toMatchObject({ blobs: { known: 0, mounted: 3, uploaded: 0 }, sentBytes: 0 });
  expect(since(/POST .*[?&]mount=sha256:.*&from=team%2Fmodel/)).toBe(3);
});

test('a large blob goes in pieces where that is wished, and where something in front refuses whole ones', async () => {
  const big = await noiseImage(local, [5_000_000]);
  await pushImage(local, big.digest, { ...transferOptions(at('chunks/a:1'), 'push'), chunkBytes: 2_000_000 });
  expect(since(/PATCH/)).toBe(3);
  mark = served.requests.length;
  const bigger = await noiseImage(local, [20_000_000]);
  served.between((request, response) => {
    if (Number(request.headers['content-length'] ?? 0) <= 17_000_000) return false;
    request.resume();
    request.on('end', () => response.writeHead(413).end());
    return true;
  });
  await pushImage(local, bigger.digest, transferOptions(at('chunks/b:1'), 'push'));
  expect(since(/PATCH/)).toBe(3);
  expect(await validateImage(remote, bigger.digest)).toMatchObject({ valid: true });
});

test('an upload that breaks in the middle goes on from what had arrived', async () => {
  const broken = await noiseImage(local, [6_000_000]);
  let cuts = 0;
  served.between((request) => {
    if (request.method !== 'PATCH' || cuts >= 2) return false;
    cuts += 1;
    // Looks at the connection, not at the stream: that is the registry's to read.
    const { socket } = request;
    const before = socket.bytesRead;
    const cut = setInterval(() => {
      if (socket.bytesRead - before > 1_500_000) socket.destroy();
    }, 1);
    socket.on('close', () => clearInterval(cut));
    return false;
  });
  const pushed = await pushImage(local, broken.digest, transferOptions(at('broken/up:1'), 'push'));
  expect(cuts).toBe(2);
  expect(since(/PATCH/)).toBeGreaterThanOrEqual(3);
  expect(pushed.sentBytes).toBe(pushed.totalBytes);
  expect(await validateImage(remote, broken.digest)).toMatchObject({ valid: true });
});

test('an upload that the registry forgets is begun again', async () => {
  const forgotten = await noiseImage(local, [3_000_000]);
  let once = true;
  served.between((request, response) => {
    if (request.method !== 'PATCH' || !once) return false;
    once = false;
    request.resume();
    request.on('end', () => response.writeHead(404).end());
    return true;
  });
  await pushImage(local, forgotten.digest, transferOptions(at('forgets/up:1'), 'push'));
  expect(await validateImage(remote, forgotten.digest)).toMatchObject({ valid: true });
});

test('a download that breaks in the middle goes on with the rest, also where ranges are not known', async () => {
  for (const ranges of [true, false]) {
    let cuts = 0;
    served.between((request, response) => {
      if (request.method !== 'GET' || !/\/blobs\//.test(request.url ?? '')) return false;
      if (!ranges) delete request.headers.range;
      if (cuts >= 2) return false;
      cuts += 1;
      const write = response.write.bind(response);
      response.write = ((chunk: Buffer) => {
        setImmediate(() => response.destroy());
        return write(chunk);
      }) as typeof response.write; // only the form that streams use is called here
      return false;
    });
    const fresh = await freshStore();
    const pulled = await pullImage(fresh, transferOptions(at('team/model:v1'), 'pull'));
    expect(cuts).toBe(2);
    expect(await validateImage(fresh, pulled.digest)).toMatchObject({ valid: true });
  }
  expect(count(/GET .*blobs/)).toBeGreaterThan(0);
});

test('an index is answered with the image for this architecture, and attestations are passed over', async () => {
  const other = await noiseImage(remote, [1000]);
  const mine = await noiseImage(remote, [2000]);
  const entry = (digest: string, size: number, more: object): object => ({
    mediaType: mediaType.manifest,
    digest,
    size,
    ...more,
  });
  const sizeOf = async (digest: `sha256:${string}`): Promise<number> =>
    (await remote.readBytes(digest)).byteLength;
  const index = await remote.putManifest(
    Buffer.from(
      JSON.stringify({
        schemaVersion: 2,
        mediaType: mediaType.index,
        manifests: [
          entry(other.digest, await sizeOf(other.digest), {
            platform: { os: 'unknown', architecture: 'unknown' },
            annotations: { 'vnd.docker.reference.type': 'attestation-manifest' },
          }),
          entry(other.digest, await sizeOf(other.digest), {
            platform: { os: 'linux', architecture: 'riscv64' },
          }),
          entry(mine.digest, await sizeOf(mine.digest), { platform: { os: 'linux', architecture: 'amd64' } }),
        ],
      }),
    ),
  );
  await remote.tag('multi/arch:1', index.digest);
  const fresh = await freshStore();
  const pulled = await pullImage(fresh, {
    ...transferOptions(at('multi/arch:1'), 'pull'),
    architecture: 'amd64',
  });
  expect(pulled).toMatchObject({ digest: mine.digest, index: index.digest });
  expect(await fresh.has(other.digest)).toBe(false);
  const none = pullImage(fresh, { ...transferOptions(at('multi/arch:1'), 'pull'), architecture: 's390x' });
  await expect(none).rejects.toMatchObject({
    code: 'IMAGE_INVALID',
    message: expect.stringContaining('linux/s390x'),
  });
  // Pushed again, the index goes with the one image that is here.
  await pushImage(remote, index.digest, transferOptions(at('multi/copy:1'), 'push'));
  expect(await remote.resolve('multi/copy:1')).toBe(index.digest);
});

test('what refers to an image goes along, by the API or by the fallback tag, and comes back', async () => {
  const empty = await local.write(Buffer.from('{}'), { mediaType: 'application/vnd.oci.empty.v1+json' });
  const attach = (artifactType: string, note: string) =>
    local.putManifest(
      Buffer.from(
        JSON.stringify({
          schemaVersion: 2,
          mediaType: mediaType.manifest,
          artifactType,
          config: empty,
          layers: [empty],
          subject: { mediaType: mediaType.manifest, digest: image.digest, size: 1 },
          annotations: { note },
        }),
      ),
    );
  const [first, second] = [await attach('example/sbom', 'one'), await attach('example/report', 'two')];
  const pushed = await pushImage(local, image.digest, {
    ...transferOptions(at('refs/a:1'), 'push'),
    referrers: new Set(['example/sbom']),
  });
  expect(pushed.referrers).toBe(1);
  const both = await freshStore();
  const pulled = await pullImage(both, { ...transferOptions(at('refs/a:1'), 'pull'), referrers: true });
  expect(
    pulled.referrers.map(({ bytes }) => JSON.parse(Buffer.from(bytes).toString()).annotations.note),
  ).toEqual(['one']);

  // An old registry: no referrers API, no OCI-Subject.
  await remote.detach(first.digest);
  served.between((request, response) => {
    if (/\/referrers\//.test(request.url ?? '')) {
      response.writeHead(404).end();
      return true;
    }
    const writeHead = response.writeHead.bind(response);
    response.writeHead = ((status: number, headers: Record<string, string>) => {
      const { 'oci-subject': _subject, ...rest } = headers;
      return writeHead(status, rest);
    }) as typeof response.writeHead; // only the form that sendAnswer uses is called here
    return false;
  });
  await pushImage(local, image.digest, transferOptions(at('refs/old:1'), 'push'));
  const index = await remote.readJson(await remote.resolve(`refs/old:${image.digest.replace(':', '-')}`));
  expect(index).toMatchObject({
    manifests: [
      { digest: first.digest, artifactType: 'example/sbom', annotations: { note: 'one' } },
      { digest: second.digest, artifactType: 'example/report' },
    ],
  });
  const old = await pullImage(await freshStore(), {
    ...transferOptions(at('refs/old:1'), 'pull'),
    referrers: true,
  });
  expect(old.referrers).toHaveLength(2);
});

test('Ctrl-C ends a transfer at once and leaves nothing half-made', async () => {
  const stop = new AbortController();
  served.between((request) => {
    if (/\/blobs\//.test(request.url ?? '')) stop.abort(new Error('enough'));
    return false;
  });
  const fresh = await freshStore();
  const pull = pullImage(fresh, transferOptions(at('team/model:v1'), 'pull', { signal: stop.signal }));
  await expect(pull).rejects.toThrow('enough');
  expect(readdirSync(join(fresh.root, 'ingest'))).toEqual([]);
});

test('a busy registry is asked again, as late as it wishes', async () => {
  let refusals = 0;
  served.between((request, response) => {
    if (!/\/manifests\//.test(request.url ?? '') || refusals === 3) return false;
    refusals += 1;
    response.writeHead(refusals === 2 ? 503 : 429, { 'retry-after': '7' }).end();
    return true;
  });
  const pace = noPace();
  await pullImage(await freshStore(), transferOptions(at('team/model:v1'), 'pull', { pace }));
  expect(pace.waits).toEqual([7000, 7000, 7000]);
});
