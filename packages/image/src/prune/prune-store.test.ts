import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readdirSync, rmSync, utimesSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import type { Digest } from '@galley/api/digest';
import type { PruneAnswer } from '@galley/api/http/messages';
import { assembleImage } from '../assemble/assemble-image.ts';
import type { Image } from '../image.ts';
import { buildLayer } from '../layer/build-layer.ts';
import { openLayoutStore } from '../layout-store.ts';
import { graceMs, slackMs } from '../lease/lease.ts';
import { mediaType } from '../media-type.ts';
import { noiseImage } from '../registry-client/fixtures/push-pull.ts';
import type { ImageStore } from '../store.ts';
import { fileEntry } from '../tar/entry.ts';
import { validateImage } from '../validate/validate-image.ts';
import { pruneStore, type PruneOptions } from './prune-store.ts';

let folder: string;
let store: ImageStore;

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'galley-prune-'));
  store = await openLayoutStore(join(folder, 'store'));
});
afterEach(() => rmSync(folder, { recursive: true }));

const prune = (more: Partial<PruneOptions> = {}): Promise<PruneAnswer> =>
  pruneStore(store, { keep: async () => [], olderThanMs: 0, dryRun: false, now: Date.now, ...more });

/** As if nobody had touched any blob for a day. */
function age(hours = 24): void {
  const then = Date.now() / 1000 - hours * 3600;
  for (const name of readdirSync(join(store.root, 'blobs/sha256')))
    utimesSync(join(store.root, 'blobs/sha256', name), then, then);
}

const blobsOf = (image: Image): readonly Digest[] => [
  image.digest,
  image.manifest.config.digest,
  ...image.layers.map((layer) => layer.descriptor.digest),
];
const left = (): readonly string[] =>
  readdirSync(join(store.root, 'blobs/sha256'))
    .map((name) => `sha256:${name}`)
    .sort();

test('what tags, an index, a referrer or the owner needs stays; everything else goes, and a dry run only tells', async () => {
  const [tagged, inIndex, kept, loose] = [
    await noiseImage(store, [100, 200]),
    await noiseImage(store, [300]),
    await noiseImage(store, [400]),
    await noiseImage(store, [500, 600]),
  ];
  await store.tag('tagged:1', tagged.digest);
  const put = (value: object) =>
    store.putManifest(Buffer.from(JSON.stringify({ schemaVersion: 2, ...value })));
  const entry = { mediaType: mediaType.manifest, digest: inIndex.digest, size: 1 };
  const index = await put({
    mediaType: mediaType.index,
    manifests: [entry, { ...entry, digest: `sha256:${'0'.repeat(64)}` }],
  });
  await store.tag('index:1', index.digest);
  const empty = await store.write(Buffer.from('{}'), { mediaType: 'application/vnd.oci.empty.v1+json' });
  const note = await store.write(Buffer.from('a note'), { mediaType: 'text/plain' });
  const refer = (subject: Digest, artifactType: string) =>
    put({
      mediaType: mediaType.manifest,
      artifactType,
      config: empty,
      layers: [note],
      subject: { mediaType: mediaType.manifest, digest: subject, size: 1 },
    });
  const referrer = await refer(tagged.digest, 'a');
  const ofReferrer = await refer(referrer.digest, 'b');
  const ofLoose = await refer(loose.digest, 'c');
  age();
  const before = left();
  const wanted = [...blobsOf(loose), ofLoose.digest];
  const dry = await prune({ dryRun: true, keep: async () => [kept.digest] });
  expect(dry.removed.blobs).toBe(wanted.length);
  expect(left()).toEqual(before);
  const real = await prune({ keep: async () => [kept.digest] });
  expect(real).toEqual({ ...dry, dryRun: false });
  expect(before.filter((digest) => !left().includes(digest)).sort()).toEqual([...wanted].sort());
  expect(await store.referrers(referrer.digest)).toMatchObject([{ digest: ofReferrer.digest }]);
  expect(await validateImage(store, tagged.digest)).toMatchObject({ valid: true });
  await store.untag('tagged:1');
  age();
  await prune({ keep: async () => [kept.digest] });
  expect(left()).toEqual([...blobsOf(inIndex), index.digest, ...blobsOf(kept)].sort());
});

test('a blob that is young, or was just found or written again, stays', async () => {
  const [found, written, old] = [
    await store.write(Buffer.from('found'), { mediaType: 'x' }),
    await store.write(Buffer.from('written'), { mediaType: 'x' }),
    await store.write(Buffer.from('old'), { mediaType: 'x' }),
  ];
  age();
  const young = await store.write(Buffer.from('young'), { mediaType: 'x' });
  expect(await store.has(found.digest)).toBe(true);
  await store.write(Buffer.from('written'), { mediaType: 'x' });
  expect(await prune()).toMatchObject({
    removed: { blobs: 1 },
    young: { blobs: 3 },
  });
  expect(left()).toEqual([found.digest, written.digest, young.digest].sort());
  expect(await store.has(old.digest)).toBe(false);
});

test('a lease keeps what is touched after it began, until its grace is over', async () => {
  await store.write(Buffer.from('before'), { mediaType: 'x' });
  age();
  const lease = await store.lease('build iris');
  const mine = await store.write(Buffer.from('mine'), { mediaType: 'x' });
  const later = (ms: number) => () => Date.now() + ms + slackMs;
  const report = await prune({ now: later(3_600_000) });
  expect(report).toMatchObject({
    removed: { blobs: 1 },
    young: { blobs: 1 },
    leases: [{ purpose: 'build iris', pid: process.pid }],
  });
  await lease.release();
  expect(await prune({ now: later(graceMs / 2 - slackMs) })).toMatchObject({ removed: { blobs: 0 } });
  expect(left()).toEqual([mine.digest]);
  expect(await prune({ now: later(graceMs + 1000) })).toMatchObject({ removed: { blobs: 1 }, leases: [] });
});

test('a lease of another process counts until that process dies, however it dies', async () => {
  const program = `
    import { takeLease } from ${JSON.stringify(join(import.meta.dirname, '../lease/lease.ts'))};
    await takeLease(${JSON.stringify(store.root)}, 'elsewhere', Date.now);
    console.log('taken');
    setInterval(() => {}, 1000);`;
  const child = spawn(process.execPath, ['--input-type=module', '-e', program]);
  await once(child.stdout, 'data');
  await store.write(Buffer.from('theirs'), { mediaType: 'x' });
  const soon = () => Date.now() + 60_000;
  expect(await prune({ now: soon })).toMatchObject({ removed: { blobs: 0 }, leases: [{ pid: child.pid }] });
  child.kill('SIGKILL');
  await once(child, 'exit');
  expect(await prune({ now: soon })).toMatchObject({ removed: { blobs: 1 }, leases: [] });
});

test('builds that reuse old layers beside a pruning without end lose nothing', async () => {
  const shared = await buildLayer(store, [fileEntry('shared', 'x'.repeat(1000))], { createdBy: 'shared' });
  const over = new AbortController();
  let removed = 0;
  const pruning = (async () => {
    while (!over.signal.aborted) {
      removed += (await prune()).removed.blobs;
      await new Promise((resolve) => setImmediate(resolve));
    }
  })();
  const built: Digest[] = [];
  for (let number = 0; number < 40; number += 1) {
    // Everything is a day old again, so that only the finding itself keeps it.
    age();
    const lease = await store.lease(`build ${number}`);
    // As a build does: reuse what is found, else make it again.
    const base = (await store.has(shared.descriptor.digest))
      ? shared
      : await buildLayer(store, [fileEntry('shared', 'x'.repeat(1000))], { createdBy: 'shared' });
    const own = await buildLayer(store, [fileEntry('own', String(number))], { createdBy: 'own' });
    const image = await assembleImage(store, { layers: [base, own], config: {} });
    await store.tag('app:latest', image.digest);
    await lease.release();
    built.push(image.digest);
    expect(await validateImage(store, image.digest)).toMatchObject({ valid: true });
  }
  over.abort();
  await pruning;
  age();
  for (const name of readdirSync(join(store.root, 'leases'))) rmSync(join(store.root, 'leases', name));
  removed += (await prune()).removed.blobs;
  expect(removed).toBeGreaterThan(0);
  expect(left()).toHaveLength(4);
  expect(await validateImage(store, built.at(-1) ?? shared.descriptor.digest)).toMatchObject({ valid: true });
});
