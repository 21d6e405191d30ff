import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { fixture, openBuildHome } from './build-home.ts';

/** DESIGN.md §3: everything survives `kill -9` between any two steps. `npm run test:long` kills at more places. */
const script = fileURLToPath(new URL('build-once.ts', import.meta.url));
const moments = process.env['GALLEY_TEST_LONG'] === '1' ? 100 : 10;
/** What a step leaves; emptied, so that every build has all of it to do again. The base and the wheels stay. */
const steps = ['layers', 'trainings', 'samples', 'rehearsals', 'smoke-checks', 'locks', 'wheel-layers'];

let root: string;
beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), 'galley-killed-'));
});
afterAll(() => rm(root, { recursive: true, force: true }));

/** Builds in a process of its own; killed at once after `killAfter` lines, if it has not ended by then. */
async function build(
  killAfter: number,
): Promise<{ readonly lines: readonly string[]; readonly image: string | undefined }> {
  const child = spawn(process.execPath, [script, root, fixture('doubles')], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const closed = once(child, 'close');
  const lines: string[] = [];
  for await (const line of createInterface({ input: child.stdout })) {
    lines.push(line);
    if (lines.length === killAfter) child.kill('SIGKILL');
  }
  await closed;
  return { lines, image: lines.find((line) => line.startsWith('image ')) };
}

async function forgetSteps(): Promise<void> {
  for (const step of steps) await rm(join(root, 'cache', step), { recursive: true, force: true });
}

it(
  `gives the same image after being killed at ${moments} moments, and leaves nothing of the dead`,
  { timeout: moments * 60_000 + 300_000 },
  async () => {
    const whole = await build(Number.POSITIVE_INFINITY);
    expect(whole.image).toBeDefined();
    await forgetSteps();
    const { lines } = await build(Number.POSITIVE_INFINITY);
    for (let moment = 0; moment < moments; moment += 1) {
      // Half of the builds start anew and half go on from what the killed one left.
      if (moment % 2 === 0) await forgetSteps();
      await build(1 + Math.floor((moment / moments) * (lines.length - 1)));
    }
    const last = await build(Number.POSITIVE_INFINITY);
    expect(last.image).toBe(whole.image);
    const home = await openBuildHome(root);
    const left = await home.engine.list();
    await home.dispose();
    expect(left).toEqual([]);
    const names = await readdir(root, { recursive: true });
    expect(names.filter((name) => /\.part$|^images\/ingest\/./.test(name))).toEqual([]);
  },
);
