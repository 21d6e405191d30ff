import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import type { Digest } from '@galley/api/digest';
import type { Revision } from '@galley/api/kind/revision';
import { createMemoryEngine, type MemoryEngine } from '@galley/engine/memory/memory-engine';
import type { ProgramContext } from '@galley/engine/memory/program';
import { openLayoutStore } from '@galley/image/layout-store';
import type { ImageStore } from '@galley/image/store';
import { openDatabase } from '../store/database.ts';
import { DecisionStore } from '../store/decision-store.ts';
import { MonitorStore } from '../store/monitor-store.ts';
import { SqliteObjectStore } from '../store/sqlite-object-store.ts';
import { Traffic } from '../traffic/traffic.ts';
import { MonitorDesk } from './monitor-desk.ts';

const image: Digest = `sha256:${'1'.repeat(64)}`;
const scale = 2 ** 20;
const cells = {
  group: 'inputs',
  kind: 'numeric',
  cells: ['low', 'high'],
  counts: [5 * scale, 5 * scale],
  n: 10,
};
const reference = JSON.stringify({
  schema: 'galley.dev/reference/v1',
  origin: 'held-out',
  requests: 10,
  streams: [{ id: 'input/x', ...cells }],
});
const referenceHash = createHash('sha256').update(reference).digest('hex');

/** What a replica says on its admin socket, by path without its query. */
type Says = Record<string, object>;

let folder: string;
let engine: MemoryEngine;
let images: ImageStore;
let objects: SqliteObjectStore;
let counts: MonitorStore;
let desk: MonitorDesk;
let close: () => void;
let open: () => void;
const says = new Map<string, Says>();

/** A replica that runs hostile code: it says whatever the test wants. */
async function replica({ workload, sockets, signal }: ProgramContext): Promise<number> {
  const server = createServer((request, response) => {
    const path = (request.url ?? '').split('?')[0] ?? '';
    response.end(JSON.stringify(says.get(workload.id)?.[path] ?? {}));
  });
  server.listen(join(sockets, 'admin.sock'));
  if (!signal.aborted) await once(signal, 'abort');
  server.close();
  return 0;
}

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'desk-'));
  images = await openLayoutStore(join(folder, 'images'));
  engine = createMemoryEngine({ programs: { [image]: replica }, root: join(folder, 'e') });
  open = () => {
    const database = openDatabase(join(folder, 'galley.db'));
    close = () => database.close();
    const now = (): number => Date.parse('2024-05-01T00:00:00Z');
    objects = new SqliteObjectStore({ database, now });
    counts = new MonitorStore({ database, now });
    const traffic = new Traffic({ folder: join(folder, 'gateway'), port: 0 });
    const decisions = new DecisionStore(database);
    desk = new MonitorDesk({ objects, counts, decisions, engine, images, traffic, now });
  };
  open();
});

afterEach(async () => {
  for (const { id } of await engine.list()) await engine.remove(id, 0);
  says.clear();
  close();
  rmSync(folder, { recursive: true });
});

/** An application whose revision serves with these replicas. */
async function serving(...replicas: readonly string[]): Promise<Revision> {
  const { digest } = await images.write(Buffer.from(reference), { mediaType: 'application/json' });
  const application = await objects.create('Application', {
    metadata: { name: 'iris', namespace: 'default' },
    spec: { source: {} },
  });
  await objects.updateStatus<'Application'>({
    ...application,
    status: { ...application.status, servingRevision: 'iris-1' },
  });
  await objects.create('Monitor', {
    metadata: { name: 'iris', namespace: 'default' },
    spec: { application: 'iris' },
  });
  const spec = {
    application: 'iris',
    build: 'iris-1',
    number: 1,
    image,
    service: {},
    egressHosts: [],
    secrets: [],
  };
  const revision = await objects.create('Revision', {
    metadata: { name: 'iris-1', namespace: 'default' },
    spec: { ...spec, records: { reference: digest } },
  });
  for (const id of replicas) await start(id);
  const running = { phase: 'running', ready: true, restarts: 0, failures: 0 };
  return objects.updateStatus<'Revision'>({
    ...revision,
    status: { ...revision.status, replicas: replicas.map((workload) => ({ workload, ...running })) },
  });
}

async function start(id: string): Promise<void> {
  await engine.ensure({
    id,
    project: 'default',
    image,
    command: [],
    env: {},
    rootfs: 'readonly',
    limits: { memoryBytes: 1e8, cpus: 1, pids: 10, openFiles: 100, diskBytes: 1e6 },
    files: {},
    secrets: {},
    tmpfs: [],
    ports: [],
    egress: { index: false, hosts: [] },
    labels: {},
  });
  await expect
    .poll(
      () =>
        engine.dial(id, 'admin').then(
          (socket) => socket.destroy() !== undefined,
          () => false,
        ),
      { timeout: 10_000 },
    )
    .toBe(true);
}

/** Counts of one minute: so many requests, all in the cell `high`. */
function told(requests: number, more: object = {}): Says {
  const streams = { 'input/x': { n: requests, counts: { '1': requests * scale } }, ...more };
  const bucket = {
    seq: requests,
    minute: 1,
    requests,
    rows: requests,
    failures: 0,
    refused: 0,
    late: 0,
    streams,
  };
  return {
    '/galley/v1/state': { boot: 'b', reference: referenceHash },
    '/galley/v1/buckets': {
      schema: 'galley.dev/buckets/v1',
      boot: 'b',
      seq: requests,
      buckets: [bucket],
      events: [],
    },
  };
}

test('the counts of all replicas are one distribution', async () => {
  says.set('r0', told(3)).set('r1', told(1));
  await serving('r0', 'r1');
  const status = await desk.window('default', 'iris', {});
  expect(status).toMatchObject({
    requests: 4,
    problems: [],
    streams: [{ id: 'input/x', n: 4, totalVariation: 0.5 }],
  });
  // Cumulative: the same minute again, now with one more.
  says.set('r1', told(2));
  expect(await desk.window('default', 'iris', {})).toMatchObject({ requests: 5, streams: [{ n: 5 }] });
});

test('counts go on where they were when control starts again, and when a replica does', async () => {
  says.set('r0', told(3));
  await serving('r0');
  expect((await desk.window('default', 'iris', {})).requests).toBe(3);
  close();
  open();
  expect((await desk.window('default', 'iris', {})).requests).toBe(3);
  says.set('r0', told(5));
  expect((await desk.window('default', 'iris', {})).requests).toBe(5);
  // A new boot begins its numbers anew; what the former one counted stays.
  const again = told(2);
  says.set('r0', {
    '/galley/v1/state': { boot: 'c', reference: referenceHash },
    '/galley/v1/buckets': { ...again['/galley/v1/buckets'], boot: 'c' },
  });
  for (const _ of ['once', 'and again']) {
    expect(await desk.window('default', 'iris', {})).toMatchObject({ requests: 7, streams: [{ n: 7 }] });
  }
});

test('a replica that counts against another reference is named and not counted, the others are', async () => {
  says
    .set('r0', told(3))
    .set('r1', { ...told(9), '/galley/v1/state': { boot: 'b', reference: 'f'.repeat(64) } });
  await serving('r0', 'r1');
  const status = await desk.window('default', 'iris', {});
  expect(status.requests).toBe(3);
  expect(status.problems).toEqual(['Replica r1 counts against another reference than its revision has.']);
});

test('a replica whose monitor did not load is named', async () => {
  says.set('r0', { '/galley/v1/state': { boot: 'b', reference: null } });
  await serving('r0');
  const { problems } = await desk.window('default', 'iris', {});
  expect(problems).toEqual(['Replica r0 did not load its reference: its log says why.']);
});

test('numbers that cannot be are not stored, and asked for again', async () => {
  says.set('r0', told(3, { 'input/x': { n: 3, counts: { '0': Number.MAX_SAFE_INTEGER } } }));
  const revision = await serving('r0');
  const status = await desk.window('default', 'iris', {});
  expect(status.requests).toBe(0);
  expect(status.problems).toEqual([
    'Replica r0 tells what cannot be: the counts of input/x in minute 1 do not add up.',
  ]);
  expect(counts.cursor(revision.metadata.uid, 'r0')).toBeUndefined();
  says.set('r0', told(2, { 'input/unknown': { n: 1, counts: { '0': 1 } } }));
  expect(await desk.window('default', 'iris', {})).toMatchObject({ requests: 2, problems: [] });
});

test('a replica that always has more does not hold the collector', async () => {
  let asked = 0;
  const endless = told(1);
  const answer = endless['/galley/v1/buckets'];
  Object.defineProperty(endless, '/galley/v1/buckets', {
    get: () => ({
      ...answer,
      seq: (asked += 1),
      buckets: [{ ...(answer as { buckets: object[] }).buckets[0], seq: asked }],
    }),
  });
  says.set('r0', endless);
  await serving('r0');
  await desk.window('default', 'iris', {});
  expect(asked).toBeLessThan(20);
});

test.each(['{}', '{"schema":'])('a reference that cannot be read is said to be so: %s', async (text) => {
  says.set('r0', told(1));
  const revision = await serving('r0');
  const { digest } = await images.write(Buffer.from(text), { mediaType: 'application/json' });
  await objects.delete('Revision', 'default', 'iris-1');
  const { metadata, spec } = revision;
  await objects.create('Revision', {
    metadata: { name: metadata.name, namespace: metadata.namespace },
    spec: { ...spec, records: { reference: digest } },
  });
  const { problems, state } = await desk.window('default', 'iris', {});
  expect([state, problems]).toEqual([
    'learning',
    ['The reference of iris-1 cannot be read: deploy it again.'],
  ]);
});
