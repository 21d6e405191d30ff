import { mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { findHostInterpreters } from './host-interpreter.ts';
import { availablePythons, planBase } from './plan-base.ts';

let home: string;
beforeEach(async () => {
  home = await mkdtemp(join(tmpdir(), 'galley-interpreters-'));
});
afterEach(() => rm(home, { recursive: true, force: true }));

/** The two files by which an installed Python is known. */
async function install(prefix: string, full: string): Promise<void> {
  const python = full.split('.').slice(0, 2).join('.');
  const include = join(home, prefix, `include/python${python}`);
  await mkdir(include, { recursive: true });
  await mkdir(join(home, prefix, 'bin'), { recursive: true });
  await writeFile(join(include, 'patchlevel.h'), `#define PY_VERSION      \t"${full}"\n`);
  await writeFile(join(home, prefix, 'bin', `python${python}`), '');
}

/** /usr/local belongs to the machine that the test runs on. */
async function found(): Promise<readonly string[]> {
  const all = await findHostInterpreters({ HOME: home });
  return all
    .filter(({ prefix }) => prefix.startsWith(home))
    .map(({ pythonFull, from }) => `${pythonFull} ${from}`);
}

test('finds what pyenv and uv installed, the newest minor first and the newest patch of each', async () => {
  await install('.pyenv/versions/3.8.18', '3.8.18');
  await install('.pyenv/versions/3.8.9', '3.8.9');
  await install('.local/share/uv/python/cpython-3.12.4-linux-x86_64-gnu', '3.12.4');
  expect(await found()).toEqual(['3.12.4 uv', '3.8.18 pyenv']);
});

test('follows no link from one version to another, and passes a Python that the runtime cannot run on', async () => {
  await install('.pyenv/versions/3.10.1', '3.10.1');
  await symlink('3.10.1', join(home, '.pyenv/versions/3.10'));
  await install('.pyenv/versions/3.7.16', '3.7.16');
  expect(await found()).toEqual(['3.10.1 pyenv']);
});

test("tries Debian's Pythons before the machine's own, and plans a base without Debian's for those", async () => {
  await install('.pyenv/versions/3.11.9', '3.11.9');
  await install('.pyenv/versions/3.8.18', '3.8.18');
  const pythons = await availablePythons({ HOME: home });
  expect(pythons.slice(0, 3)).toEqual(['3.11', '3.13', '3.9']);
  expect(pythons).toContain('3.8');
  const own = await planBase('3.8', { HOME: home });
  expect(own.interpreter?.pythonFull).toBe('3.8.18');
  expect(own.lock.packages.map(({ name }) => name).filter((name) => name.includes('python'))).toEqual([]);
  expect((await planBase('3.11', { HOME: home })).interpreter).toBeUndefined();
});

test('says how to get a Python that nobody has', async () => {
  await expect(planBase('3.99', { HOME: home })).rejects.toMatchObject({
    code: 'BASE_UNAVAILABLE',
    hint: expect.stringContaining('pyenv install 3.99') as string,
  });
});
