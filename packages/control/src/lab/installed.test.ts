import { mkdir, mkdtemp, rename, rm, symlink } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { homeLayout } from '../owner/home.ts';
import { readInstalled } from './installed.ts';
import { keepFetched, labFolder, prepareLabFolder, resetLabFolder, type LabFolder } from './lab-folder.ts';

let home: string;
let folder: LabFolder;
let packages: string;
beforeEach(async () => {
  home = await mkdtemp(join(tmpdir(), 'galley-installed-'));
  folder = labFolder(homeLayout(home), '/some/folder');
  await prepareLabFolder(folder, '3.11');
  packages = join(folder.kept, 'galley', 'python3.11', 'lib', 'python3.11', 'site-packages');
  await mkdir(packages, { recursive: true });
});
afterEach(() => rm(home, { recursive: true, force: true }));

const sha = (digit: string): string => digit.repeat(64);
const fetched = (project: string, filename: string, digit: string) =>
  ({ project, filename, sha256: sha(digit), bytes: 1 }) as const;

test('what lies there and came from the index is told with the hash that the index handed over', async () => {
  for (const name of ['Emoji-2.14.0', 'my_package-1.0', 'old-0.1', 'ghost-9.9', 'pip-26.3'])
    await mkdir(join(packages, `${name}.dist-info`));
  await keepFetched(folder, [
    fetched('emoji', 'emoji-2.13.0-py3-none-any.whl', 'a'),
    fetched('emoji', 'emoji-2.14.0-py3-none-any.whl', 'b'),
    fetched('my-package', 'my_package-1.0-cp311-cp311-manylinux_2_99_x86_64.whl', 'c'),
    fetched('old', 'old-0.1.tar.gz', 'd'),
    fetched('removed', 'removed-1.0-py3-none-any.whl', 'e'),
  ]);
  expect(await readInstalled(folder)).toEqual({
    packages: [
      { name: 'emoji', version: '2.14.0', sha256: sha('b') },
      // For a newer C library than a lock promises: the lock takes its own choice of this version.
      { name: 'my-package', version: '1.0', sha256: undefined },
      { name: 'old', version: '0.1', sha256: sha('d') },
    ],
    elsewhere: ['ghost 9.9'],
  });
});

test('names that are no packages, and links to the host, are passed over', async () => {
  for (const name of ['a b-1.0', '-x-1.0', 'x-1.0 --hash=1', 'plain', 'n\nm-1.0'])
    await mkdir(join(packages, `${name}.dist-info`));
  expect(await readInstalled(folder)).toEqual({ packages: [], elsewhere: [] });
  const outside = join(home, 'outside');
  await rename(packages, outside);
  await mkdir(join(outside, 'secret-1.0.dist-info'));
  await symlink(outside, packages);
  expect(await readInstalled(folder)).toEqual({ packages: [], elsewhere: [] });
});

test('a reset forgets all of it and follows no link out', async () => {
  await mkdir(join(packages, 'emoji-2.14.0.dist-info'));
  await keepFetched(folder, [fetched('emoji', 'emoji-2.14.0-py3-none-any.whl', 'b')]);
  await mkdir(join(home, 'outside', 'kept'), { recursive: true });
  await symlink(join(home, 'outside'), join(folder.kept, 'link'));
  await resetLabFolder(folder, new AbortController().signal);
  await expect(rm(join(home, 'outside', 'kept'), { recursive: true })).resolves.toBeUndefined();
  expect(await readInstalled(folder)).toEqual({ packages: [], elsewhere: [] });
});
