import { mkdir, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { galley } from './galley.ts';

let root: string;
let folder: string;
let home: string;
beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'galley-cli-lab-'));
  folder = join(root, 'folder');
  home = join(root, 'home');
  await mkdir(folder);
  // What an empty pickle begins with.
  await writeFile(join(folder, 'model.pkl'), Buffer.from('80044e2e', 'hex'));
});
afterEach(() => rm(root, { recursive: true }));

test.each([
  ['an address', ['https://example.org/x.git'], /x\.git is none[\s\S]*repo2docker/],
  ['a saved model, whose folder may hold anything', ['model.pkl'], /model\.pkl is none/],
  ['a port that is none', ['--port', 'eighty'], /--port takes a number/],
  ['a host without a port', ['--allow', 'example.org'], /--allow takes host:port/],
  [
    'what would forget what it is to write',
    ['--capture', '--reset'],
    /--reset forgets what --capture would write/,
  ],
  ['a folder that holds the home', ['..'], /holds the GALLEY_HOME/],
])('galley lab refuses %s', async (_, args, words) => {
  const { exitCode, stderr } = await galley(['lab', ...args], { home, cwd: folder });
  expect(exitCode).toBe(2);
  expect(stderr).toMatch(words);
});

test('galley lab refuses a folder that holds the home folder of the person', async () => {
  const { exitCode, stderr } = await galley(['lab', root], {
    home: '/nonexistent/home',
    env: { HOME: folder },
  });
  expect(exitCode).toBe(2);
  expect(stderr).toContain('is or holds your home folder');
});

test('where nothing was installed nothing is captured, and nothing is left', async () => {
  const { exitCode, stdout, stderr } = await galley(['lab', '--capture'], { home, cwd: folder });
  expect(exitCode, stderr).toBe(0);
  expect(stdout).toContain('there is nothing to capture');
  expect(await readdir(folder)).toEqual(['model.pkl']);
});
