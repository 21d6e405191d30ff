import { readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { fixture } from './build-home.ts';
import { leftovers } from './leftovers.ts';
import { startLoad } from './load.ts';
import { untilProgress } from './progress.ts';
import { project, ServerHome } from './server-home.ts';
import { waitUntil } from './wait-until.ts';

/** DESIGN.md §3: control converges after `kill -9` between any two steps. `npm run test:long` kills at more places. */
const moments = process.env['GALLEY_TEST_LONG'] === '1' ? 100 : 10;
const name = 'doubles';
/** What a step leaves. Emptied, so that a build has it to do again; the base and the wheels always stay. */
const running = ['trainings', 'samples', 'rehearsals', 'smoke-checks'];
const everything = [...running, 'layers', 'wheel-layers', 'locks'];
/** Builds take turns: everything anew, nothing new, the notebook again, nothing new. */
const turns = [everything, [], running, []];

let home: ServerHome;
beforeAll(async () => {
  home = await ServerHome.make();
  await home.start();
});
afterAll(() => home.dispose());

async function forget(steps: readonly string[]): Promise<void> {
  for (const step of steps) await rm(join(home.root, 'cache', step), { recursive: true, force: true });
}

/** Deploys, and comes back after so many signs of progress, or when all has happened. */
async function deployUntil(signsMax: number): Promise<{ readonly build: string; readonly signs: number }> {
  const { build } = await home.deploy(fixture('doubles'), name);
  if (build === undefined) throw new Error('a deploy makes a build');
  const end = home.settled(name, build);
  // When the server is killed before, this asks on in vain.
  end.catch(() => undefined);
  return { build, signs: await untilProgress(home.client, build, signsMax, end) };
}

it(
  `serves the same image after the server was killed at ${moments} moments of a deploy`,
  { timeout: moments * 60_000 + 300_000 },
  async () => {
    const first = await deployUntil(Number.POSITIVE_INFINITY);
    const { image } = (await home.settled(name, first.build)).build.status;
    expect(image).toMatch(/^sha256:/);
    const undisturbed: number[] = [];
    for (const steps of turns) {
      await forget(steps);
      undisturbed.push((await deployUntil(Number.POSITIVE_INFINITY)).signs);
    }
    for (let moment = 0; moment < moments; moment += 1) {
      const turn = moment % turns.length;
      await forget(turns[turn] ?? []);
      const signs = 1 + Math.floor((moment / moments) * (undisturbed[turn] ?? 1));
      const { build } = await deployUntil(signs);
      // Signs come at the edges of steps; what takes long lies between them.
      await delay((moment * 137) % 500);
      await home.kill();
      // Nobody but the gateway and a replica of the revision before is there now.
      expect(await home.predict(name, { x: 21 }), `moment ${moment}`).toEqual([42]);
      await home.start();
      const settled = await home.settled(name, build);
      expect(settled.build.status.image, `moment ${moment}`).toBe(image);
      expect(settled.revision.status.replicas.map(({ restarts }) => restarts)).toEqual([0]);
    }
  },
);

/** The replica's processes as the kernel knows them: another start would have other ids. */
async function replicaProcesses(): Promise<readonly unknown[]> {
  const { replica, inspection } = await home.client.call('applicationInspect', { params: { project, name } });
  const { processes } = inspection as { processes: readonly { pid: number; command: string }[] };
  return [replica, ...processes.map(({ pid }) => pid)];
}

it('keeps answering while no server is there, and the next one takes up the same replica and the same gateway', async () => {
  const before = await replicaProcesses();
  const load = startLoad(`${home.gateway}/apps/${project}/${name}`, { x: 21 });
  const { gateway } = home;
  await home.kill();
  await waitUntil('answers without a server', async () =>
    load.answers.every((all) => all.length > 50) ? true : undefined,
  );
  await home.start();
  expect(home.gateway).toBe(gateway);
  expect(await replicaProcesses()).toEqual(before);
  await load.stop();
  expect([load.failures, new Set(load.answers.flat())]).toEqual([[], new Set([42])]);
});

it('starts a gateway that was killed again, with its routes, though nothing else happens', async () => {
  const { pid } = JSON.parse(await readFile(join(home.root, 'gateway', 'gateway.json'), 'utf8')) as {
    pid: number;
  };
  process.kill(pid, 'SIGKILL');
  await waitUntil('the next gateway answers', () => home.predict(name, { x: 21 }).catch(() => undefined));
});

it('leaves nothing after delete and stop: no process, mount, control group, folder or half-made file', async () => {
  await home.delete(name);
  expect(await home.end('SIGTERM')).toBe(0);
  expect(await leftovers(home.root)).toEqual([]);
  expect(await home.faults()).toBe('');
});
