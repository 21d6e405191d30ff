import { lstatSync, readFileSync } from 'node:fs';
import { chown, mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { keepFetched, labFolder, prepareLabFolder } from '@galley/control/lab/lab-folder';
import { homeLayout } from '@galley/control/owner/home';
import type { Context } from '../command/command.ts';
import { captureLab } from './capture-lab.ts';

const six = {
  project: 'six',
  filename: 'six-1.17.0-py2.py3-none-any.whl',
  sha256: '4721f391ed90541fddacab5acf947aa0d3dc7d27b2e1e8eda2be8970586c3274',
  bytes: 11_050,
};

let root: string;
let home: string;
let folder: string;
beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'galley-capture-'));
  home = join(root, 'home');
  folder = join(root, 'folder');
  await mkdir(folder);
  await writeFile(join(folder, 'requirements.txt'), 'cloudpickle\n');
  await chown(folder, 4321, 4322);
  const kept = labFolder(homeLayout(home), folder);
  await prepareLabFolder(kept, '3.11');
  await keepFetched(kept, [six]);
  await mkdir(join(kept.kept, 'galley/python3.11/lib/python3.11/site-packages', 'six-1.17.0.dist-info'), {
    recursive: true,
  });
});
afterEach(() => rm(root, { recursive: true, force: true }));

test('a version that contradicts a pin of the repository is refused with the line that is in the way', async () => {
  await writeFile(join(folder, 'requirements.txt'), 'cloudpickle\nsix==1.16.0\n');
  await expect(capture()).rejects.toMatchObject({
    code: 'RESOLUTION_FAILED',
    message: 'six 1.17.0 was installed in a lab, and requirements.txt line 2 asks for six==1.16.0.',
  });
});

const capture = () =>
  // What a capture uses of a command's world.
  captureLab({ path: folder, include: [] }, { allowedIndexes: [] }, {
    home,
    signal: new AbortController().signal,
  } as Context);

test('a lock is written with what was installed; a later one keeps it, and a link in its place is replaced and not followed', async () => {
  await writeFile(join(folder, 'precious'), '# as it was\n');
  await symlink('precious', join(folder, 'pylock.toml'));
  const { written } = await capture();
  expect(written?.packages).toContainEqual({ name: 'six', version: '1.17.0' });
  expect(readFileSync(join(folder, 'precious'), 'utf8')).toBe('# as it was\n');
  expect(lstatSync(join(folder, 'pylock.toml'))).toMatchObject({ uid: 4321, gid: 4322 });
  const lock = readFileSync(join(folder, 'pylock.toml'), 'utf8');
  expect(lock).toContain(`captured = [ "six==1.17.0 sha256:${six.sha256}" ]`);
  // Not one of what the repository asks for: a build holds the lock against those.
  expect(lock).toContain('requirements = [ "cloudpickle" ]');

  const kept = labFolder(homeLayout(home), folder);
  await rm(join(kept.kept, 'galley'), { recursive: true });
  expect((await capture()).written).toBeUndefined();
  expect(readFileSync(join(folder, 'pylock.toml'), 'utf8')).toBe(lock);
});
