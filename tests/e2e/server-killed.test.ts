import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { fixture } from './build-home.ts';
import { leftovers } from './leftovers.ts';
import { untilProgress } from './progress.ts';
import { ServerHome } from './server-home.ts';

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
  `serves the same image after the server was killed at ${moments} moments of a deploy, and nothing is left in the end`,
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
    await home.delete(name);
    await home.end('SIGTERM');
    expect(await leftovers(home.root)).toEqual([]);
    expect(await home.faults()).toBe('');
  },
);
