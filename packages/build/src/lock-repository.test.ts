import { appendFile, cp, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { findPython, findUv } from './command/host-programs.ts';
import { lockRepository, type WrittenLock } from './lock-repository.ts';
import { runUv } from './lock/uv.ts';
import { planBuild, type BuildPlan } from './plan-build.ts';

let root: string;
let folder: string;
beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), 'galley-lock-'));
  folder = join(root, 'repository');
  const fixture = fileURLToPath(new URL('../../../tests/fixtures/recipes/requirements', import.meta.url));
  await cp(fixture, folder, { recursive: true });
});
afterAll(() => rm(root, { recursive: true, force: true }));

const options = (): Parameters<typeof planBuild>[1] => ({
  notebooks: [],
  python: '',
  cacheDir: join(root, 'cache'),
  signal: new AbortController().signal,
});
const source = (): Parameters<typeof planBuild>[0] => ({ kind: 'directory', path: folder, include: [] });
const plan = (): Promise<BuildPlan> => planBuild(source(), options());
const lock = (): Promise<WrittenLock> => lockRepository(source(), { ...options(), asOf: '2025-06-01' });

describe('a lock that is written back', () => {
  it('is what later builds take, by another tool’s reading too, until the requirements change', async () => {
    const unlocked = await plan();
    const written = await lock();
    const file = join(folder, written.path);
    await writeFile(file, written.text);
    const locked = await plan();

    expect(locked.recipe.files[0]).toMatchObject({ path: 'pylock.toml', use: 'decides' });
    expect(locked.packages.map(({ name, version }) => ({ name, version }))).toEqual(written.packages);
    expect(locked.lockDigest).not.toBe(unlocked.lockDigest);
    expect(locked.recipe.asOf).toBe('2025-06-01T23:59:59.000Z');
    const running = locked.recipe.running.map(({ line }) => line.split('==')[0]);
    expect(running).toContain('ipykernel');
    expect(running).not.toContain('idna');

    const python = await findPython();
    const args = ['pip', 'install', '--dry-run', '--no-deps', `--target=${join(root, 'target')}`, '-r', file];
    const read = await runUv(
      await findUv(),
      [...args, ...(python === undefined ? [] : [`--python=${python}`])],
      {
        cwd: folder,
        cacheDir: join(root, 'uv'),
        env: {},
      },
    );
    expect(read.stderr).toContain('idna==3.6');

    expect((await lock()).text).toBe(written.text);
    await appendFile(join(folder, 'requirements.txt'), 'more-itertools\n');
    await expect(plan()).rejects.toMatchObject({
      code: 'LOCK_OUT_OF_DATE',
      details: { lock: 'pylock.toml', added: 'more-itertools' },
    });
    expect((await lock()).packages.map(({ name }) => name)).toContain('more-itertools');
  });

  it('is not written for what only building tells', async () => {
    await rm(join(folder, 'pylock.toml'), { force: true });
    await writeFile(join(folder, 'requirements.txt'), 'git+https://example.org/team/lib.git\n');
    await expect(lock()).rejects.toMatchObject({
      code: 'LOCK_NEEDS_BUILD',
      details: { from: 'requirements.txt line 1' },
    });
  });
});
