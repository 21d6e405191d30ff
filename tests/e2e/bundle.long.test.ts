import { execFile } from 'node:child_process';
import { cp, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { galley } from '../cli/galley.ts';
import { fixture } from './build-home.ts';

/**
 * A repository that needs everything (Debian packages, its own project, postBuild, wheels), bundled in one home and built in an empty one that has no
 * network: only root may make a namespace without one.
 */
const isRoot = process.getuid?.() === 0;
const bin = fileURLToPath(new URL('../../bin/galley', import.meta.url));

describe.skipIf(!isRoot)('a bundle (skipped without root: unshare -n)', () => {
  let root: string;
  let made: { readonly environment: string; readonly image: string; readonly digest: string };
  const file = (): string => join(root, 'model.bundle');

  beforeAll(async () => {
    root = await mkdtemp(join(tmpdir(), 'galley-bundle-'));
    const repository = join(root, 'model');
    await cp(fixture('installs-itself'), repository, { recursive: true });
    await writeFile(join(repository, 'apt.txt'), 'hello\n');
    await writeFile(join(repository, 'postBuild'), '#!/bin/sh\nhello > made.txt\n');
    const { stdout, stderr, exitCode } = await galley(
      ['bundle', 'create', repository, '-o', file(), '--output', 'json'],
      { home: join(root, 'here') },
    );
    if (exitCode !== 0) throw new Error(stderr);
    made = JSON.parse(stdout) as typeof made;
  }, 900_000);
  afterAll(() => rm(root, { recursive: true, force: true }));

  it(
    'gives the same environment and the same image where there is no network',
    { timeout: 600_000 },
    async () => {
      const home = join(root, 'there');
      const env = { ...process.env, GALLEY_HOME: home, NO_COLOR: '1' };
      const { stdout } = await promisify(execFile)(
        'unshare',
        ['-n', bin, 'bundle', 'build', file(), '-t', 'team/model:v1', '--output', 'json'],
        { env, maxBuffer: 64 << 20 },
      );
      const built = JSON.parse(stdout) as typeof made & {
        phases: readonly { phase: string; state: string }[];
        layers: readonly { role: string; cached: boolean }[];
      };
      expect([built.environment, built.image]).toEqual([made.environment, made.image]);
      const skipped = built.phases.filter(({ state }) => state === 'skipped').map(({ phase }) => phase);
      expect(skipped).toEqual(['base', 'lock', 'postBuild', 'training', 'rehearsal']);
      // Made here from what the bundle brought, not taken as they were.
      const fresh = built.layers.filter(({ cached }) => !cached).map(({ role }) => role);
      expect(new Set(fresh)).toEqual(new Set(['dependencies', 'project', 'runtime', 'tools', 'code']));
      const inspected = await galley(['image', 'validate', 'team/model:v1'], { home });
      expect(inspected.exitCode).toBe(0);
    },
  );

  it('is the same when it is made again', { timeout: 600_000 }, async () => {
    const again = join(root, 'again.bundle');
    const args = ['bundle', 'create', join(root, 'model'), '-o', again, '--output', 'json'];
    const { stdout } = await galley(args, { home: join(root, 'here') });
    expect(JSON.parse(stdout)).toMatchObject({ digest: made.digest });
    expect((await readFile(again)).equals(await readFile(file()))).toBe(true);
    const taken = await galley(args, { home: join(root, 'here') });
    expect(taken.stderr).toContain('EXPORT_EXISTS');
  });
});
