import { mkdtemp, mkdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import type { Digest } from '@galley/api/digest';
import type { GalleyEvent } from '@galley/api/event';
import { createMemoryEngine } from '@galley/engine/memory/memory-engine';
import type { Image } from '@galley/image/image';
import { openLayoutStore } from '@galley/image/layout-store';
import { treeOfFiles } from '../source/tree-of-files.ts';
import type { BuildWork } from './build-work.ts';
import { PhaseLog } from './phase-log.ts';
import { trainingKey } from '../training/training-key.ts';
import { trainOnce } from './train-and-rehearse.ts';

const host = 'data.example.org:443';
const digest: Digest = `sha256:${'1'.repeat(64)}`;

let root: string;
beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'galley-training-'));
});
afterEach(async () => {
  await rm(root, { recursive: true, force: true });
});

/** Two builds of one source whose notebook asks for this host: what the second did, and what people were told of the first. */
async function trainTwice(asked: string | undefined): Promise<{ reused: boolean; told: string[] }> {
  const files = {
    'report.jsonl': '',
    'executed.ipynb': '{}',
    'result.json': '{"schema":"galley.dev/run-result/v1","outcome":"model"}',
    'model/model.json': '{"schema":"galley.dev/model/v1"}',
  };
  const engine = createMemoryEngine({
    root: join(root, 'engine'),
    programs: {
      [digest]: async ({ out, mayReach }) => {
        if (asked !== undefined) mayReach(asked);
        await mkdir(join(out, 'model'), { recursive: true });
        for (const [path, content] of Object.entries(files)) await writeFile(join(out, path), content);
        return 0;
      },
    },
  });
  const events: Omit<GalleyEvent, 'time'>[] = [];
  const context = {
    store: await openLayoutStore(join(root, 'images'), { wipe: true }),
    engine,
    cacheDir: join(root, 'cache'),
    privateHosts: () => Promise.resolve([]),
    emit: (event: Omit<GalleyEvent, 'time'>) => events.push(event),
    signal: AbortSignal.timeout(20_000),
    now: Date.now,
  };
  const tree = await treeOfFiles({ 'model.ipynb': '{}' }, join(root, 'spool'));
  // Only what a training asks of them: a whole recipe would say nothing more here.
  const work = {
    context,
    object: 'build/x',
    options: { name: 'x', project: 'default' },
    phases: new PhaseLog(context.emit, 'build/x'),
    workDir: join(root, 'work'),
    source: tree,
    tree,
    recipe: { notebooks: [{ path: 'model.ipynb' }], requirements: { guessed: false } },
    settings: { memoryBytes: 1e9, cpus: 1, cellTimeoutMs: 0, timeoutMs: 0, egressHosts: [host] },
    secrets: { build: { env: {}, files: {} }, service: { env: {}, files: {} } },
  } as unknown as BuildWork;
  const inputs = {
    project: 'tests',
    source: tree.digest,
    lock: digest,
    python: '3.11',
    notebooks: ['model.ipynb'],
    setUp: [],
    secretPaths: [],
  };
  const train = (): Promise<{ reused: boolean }> =>
    trainOnce(work, { inputs, key: trainingKey(inputs), image: { digest } as Image });
  try {
    await train();
    const told = events.flatMap(({ state, reason }) => (state === 'done' ? [reason ?? ''] : []));
    return { reused: (await train()).reused, told };
  } finally {
    await engine.close();
  }
}

it('takes the model of an earlier run with the same key', async () => {
  expect(await trainTwice(undefined)).toEqual({ reused: true, told: [''] });
});

it('takes it also when the run was refused a host', async () => {
  expect(await trainTwice('elsewhere.example.org:80')).toEqual({ reused: true, told: [''] });
});

it('trains again after a run that read from a host, and says so', async () => {
  const told = [`it read from ${host}: the next build trains again`];
  expect(await trainTwice(host)).toEqual({ reused: false, told });
});
