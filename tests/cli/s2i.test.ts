import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { galley, type Session } from './galley.ts';

let folder: string;
const s2i = (...args: readonly string[]): Promise<Session> =>
  galley(['s2i', ...args], { home: join(folder, 'home'), cwd: folder });

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'galley-cli-s2i-'));
  await mkdir(join(folder, 'source/.s2i'), { recursive: true });
  await writeFile(join(folder, 'source/app.py'), 'print(1)\n');
  await writeFile(join(folder, 'source/.s2i/environment'), 'FROM_SOURCE=1\n');
});
afterAll(() => rm(folder, { recursive: true }));

test('the command line of s2i build is taken, and a Dockerfile needs neither the builder nor a home', async () => {
  const typed =
    'build source centos/python-36-centos7 team/app:v1 --as-dockerfile out/Dockerfile -e A=1 --exclude [.]md$ -p never --loglevel 2 -q';
  const { exitCode, stdout } = await s2i(...typed.split(' '), '-n', 'The app');
  expect([exitCode, stdout]).toEqual([0, expect.stringContaining('Wrote')]);
  const text = await readFile(join(folder, 'out/Dockerfile'), 'utf8');
  expect(text).toMatch(/^FROM centos\/python-36-centos7$/m);
  expect(text).toContain('"io.k8s.display-name"="The app"');
  expect(text).toMatch(/FROM_SOURCE="1" \\\n {4}A="1"\n/);
  expect(await readFile(join(folder, 'out/upload/src/app.py'), 'utf8')).toBe('print(1)\n');
});

test.each([
  [['--volume', '/a:/b'], /--volume of s2i is not supported[\s\S]*--inject/],
  [['--run'], /--run of s2i is not supported[\s\S]*galley image export/],
  [['--env', 'nothing'], /"nothing" is no NAME=VALUE/],
  [['--incremental', '--runtime-image', 'x'], /cannot be used with --runtime-image/],
  [['--allowed-uids', 'x', '--as-dockerfile', 'other/Dockerfile'], /"x" is no range/],
])('%j is refused with what to do instead', async (flags, message) => {
  const { exitCode, stderr } = await s2i(
    'build',
    'source',
    'oci:nowhere',
    'x',
    '--as-dockerfile',
    'no/Dockerfile',
    ...flags,
  );
  expect(exitCode).toBe(2);
  expect(stderr).toMatch(message);
});

test('a Dockerfile of the folder one is in is written over nothing', async () => {
  const again = await s2i('build', 'source', 'x', '--as-dockerfile', 'out/Other');
  expect(again.stderr).toMatch(/EXPORT_EXISTS[\s\S]*rm -r/);
});

test('flags of repo2docker that ask for what is not here are refused by name', async () => {
  const { exitCode, stderr } = await galley(['repo2docker', '--editable', '.'], {
    home: join(folder, 'home'),
  });
  expect(exitCode).toBe(2);
  expect(stderr).toMatch(/--editable of repo2docker[\s\S]*Build again/);
});
