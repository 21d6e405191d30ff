import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { clientOf } from '../../packages/cli/src/server/connect.ts';
import { findServer } from '../../packages/cli/src/server/running-server.ts';
import { galley, type Session } from '../cli/galley.ts';
import { waitUntil } from './wait-until.ts';

/**
 * The main job as a user types it: a real base, a real resolver, real containers, a real service. One home for all of it, in the order of
 * the tests; each says what it needs of the one before.
 */
const bin = fileURLToPath(new URL('../../bin/galley', import.meta.url));
const examples = fileURLToPath(new URL('../../examples', import.meta.url));
const flower = {
  'sepal length (cm)': 5.1,
  'sepal width (cm)': 3.5,
  'petal length (cm)': 1.4,
  'petal width (cm)': 0.2,
};

let home: string;
const run = (...args: string[]): Promise<Session> => galley(args, { home });

beforeAll(async () => {
  home = await mkdtemp(join(tmpdir(), 'galley-e2e-'));
});

afterAll(async () => {
  await run('server', 'stop');
  await rm(home, { recursive: true, force: true });
});

async function json(...args: string[]): Promise<Record<string, unknown>> {
  const session = await run(...args, '-o', 'json');
  expect(session.stderr + session.stdout).toContain('{');
  return JSON.parse(session.stdout) as Record<string, unknown>;
}

test('deploy builds a repository of one notebook and serves its model', { timeout: 600_000 }, async () => {
  const session = await run('deploy', join(examples, 'iris'));
  expect(session.stderr).not.toContain('Error');
  expect(session.exitCode).toBe(0);
  expect(session.stdout).toMatch(/Image {4}sha256:[0-9a-f]{64}/);
  for (const role of ['base', 'dependencies', 'code', 'model', 'rehearsed'])
    expect(session.stdout).toContain(role);
  expect(session.stdout).toContain('curl -s http://127.0.0.1:');
});

test('the service answers, and names row and column of what it refuses', { timeout: 60_000 }, async () => {
  const answer = await json('predict', 'iris', '--json', JSON.stringify([flower]));
  expect(answer).toEqual({ predictions: ['setosa'] });
  const { 'petal width (cm)': _, ...short } = flower;
  const refused = await run('predict', 'iris', '--json', JSON.stringify([flower, short]));
  expect(refused.exitCode).toBe(2);
  expect(refused.stderr).toMatch(/PREDICTION_REFUSED[\s\S]*Row 1[\s\S]*petal width/);
});

test(
  'the monitor counts what was asked against the rehearsal of the same image',
  { timeout: 60_000 },
  async () => {
    const monitor = await json('monitor', 'iris');
    expect(monitor).toMatchObject({ state: 'watching', origin: 'held-out', referenceRequests: 60 });
    expect(monitor['requests']).toBeGreaterThanOrEqual(1);
    const groups = new Set((monitor['streams'] as { group: string }[]).map((stream) => stream.group));
    expect([...groups].sort()).toEqual(['inputs', 'joint', 'predictions']);
    expect(monitor).toMatchObject({ refused: 1, failures: 0, lost: 0, problems: [] });
    expect((await run('monitor', 'iris', 'paths')).stdout).toMatch(/No function[\s\S]*leaves of its trees/);
    expect((await run('monitor', 'flower')).stderr).toContain('There are iris');
  },
);

test(
  'a time that the service would not believe is refused with the setting that allows it',
  { timeout: 60_000 },
  async () => {
    const time = ['--event-time', '2013-01-08T00:00:00Z'];
    const { stderr, exitCode } = await run('predict', 'iris', '--json', JSON.stringify([flower]), ...time);
    expect(exitCode).toBe(2);
    expect(stderr).toMatch(
      /USAGE[\s\S]*iris counts requests when they arrive[\s\S]*monitor: \{eventTime: true\}/,
    );
  },
);

test('inspect shows the eight things that keep the replica in', { timeout: 60_000 }, async () => {
  const { inspection } = (await json('inspect', 'iris')) as { inspection: Record<string, unknown> };
  expect(inspection).toMatchObject({ root: { readonly: true }, network: { interfaces: ['lo'], routes: [] } });
  const processes = inspection['processes'] as { uid: number }[];
  expect(processes.every(({ uid }) => uid !== 0)).toBe(true);
});

test(
  'the same source again is built from what is known, and gives the same image',
  { timeout: 120_000 },
  async () => {
    const before = await json('status', 'iris');
    const again = await json('deploy', join(examples, 'iris'));
    const layers = again['layers'] as { cached: boolean }[];
    expect(layers.every(({ cached }) => cached)).toBe(true);
    expect((before['status'] as { latestBuild: string }).latestBuild).not.toBe(again['build']);
    const images = (await json('image', 'list'))['items'] as { name: string; digest: string }[];
    expect(images.find(({ name }) => name === 'default/iris:latest')?.digest).toBe(again['image']);
    const valid = await run('image', 'validate', 'default/iris:latest');
    expect(valid.stdout).toContain('valid');
    expect(valid.exitCode).toBe(0);
  },
);

test('the report tells every cell of the run', { timeout: 60_000 }, async () => {
  const { cells } = (await json('report', 'iris')) as { cells: { state: string; cell: number }[] };
  expect(cells.filter(({ state }) => state === 'done').map(({ cell }) => cell)).toEqual([1, 2, 3, 4]);
});

let beside: Record<string, unknown>;
test(
  'galley build is done by the server that owns the home, which keeps events and report',
  { timeout: 120_000 },
  async () => {
    const typed = ['build', join(examples, 'iris'), '-t', 'team/iris:v1'];
    // Two at once take turns: their steps have the same workloads.
    const [first, second] = await Promise.all([json(...typed), json(...typed)]);
    expect([second['image'], second['build'] === first['build']]).toEqual([first['image'], false]);
    beside = first;
    const status = (await json('status', 'iris'))['status'] as { latestBuild: string };
    expect(beside['image']).toMatch(/^sha256:/);
    expect(status.latestBuild).not.toBe(beside['build']);
    const images = (await json('image', 'list'))['items'] as { name: string; digest: string }[];
    expect(images.find(({ name }) => name === 'team/iris:v1')?.digest).toBe(beside['image']);
    const name = `build/${String(beside['build'])}`;
    expect((await run('logs', name)).stdout).toMatch(/training {2}training {2}skipped/);
    expect((await run('report', name)).stdout).toContain('4  done');
  },
);

test('Ctrl-C stops such a build on the server, too', { timeout: 120_000 }, async () => {
  const repository = join(home, 'endless');
  await mkdir(repository);
  const cells = [{ cell_type: 'code', source: 'import time\ntime.sleep(3600)', metadata: {}, outputs: [] }];
  const notebook = { cells, metadata: {}, nbformat: 4, nbformat_minor: 5 };
  await writeFile(join(repository, 'model.ipynb'), JSON.stringify(notebook));
  const env = { ...process.env, GALLEY_HOME: home };
  const typed = spawn(bin, ['build', repository], { env, stdio: 'ignore', detached: true });
  const ended = once(typed, 'close');
  const server = await findServer(home);
  if (server === undefined) throw new Error('the server of the tests before is gone');
  const client = await clientOf(home, server);
  const endless = await waitUntil('the build exists', async () =>
    (await client.list('Build', 'default')).find(({ spec }) => spec.name === 'endless'),
  );
  const params = { project: 'default', name: endless.metadata.name };
  for await (const { phase } of client.stream('buildEvents', { params, query: { follow: 'true' } })) {
    if (phase === 'training') break;
  }
  // To the whole group, as a terminal does it.
  process.kill(-(typed.pid ?? 0), 'SIGINT');
  expect(await ended).toEqual([130, null]);
  const { phase, error } = (await client.get('Build', 'default', endless.metadata.name))?.status ?? {};
  expect([phase, error]).toEqual(['Cancelled', undefined]);
});

test('after delete and stop no process, mount or replica is left', { timeout: 120_000 }, async () => {
  expect((await run('delete', 'iris')).stdout).toContain('Deleted application iris');
  expect((await run('status')).stdout).toContain('No applications');
  expect((await run('server', 'stop')).exitCode).toBe(0);
  expect(await readFile('/proc/self/mountinfo', 'utf8')).not.toContain(home);
  const processes = execFileSync('ps', ['-eo', 'args'], { encoding: 'utf8' });
  expect(processes.split('\n').filter((line) => line.includes(home))).toEqual([]);
});

test('without a server builds at the same time wait for each other, and give the same result', async () => {
  const typed = ['build', join(examples, 'iris')];
  const alone = await Promise.all([json(...typed), json(...typed)]);
  const timeless = (result: Record<string, unknown>): unknown => ({
    ...result,
    // Only a server has an object.
    build: undefined,
    phases: (result['phases'] as { phase: string; state: string }[]).map(({ phase, state }) => [
      phase,
      state,
    ]),
  });
  expect(alone.map(timeless)).toEqual([timeless(beside), timeless(beside)]);
}, 120_000);
