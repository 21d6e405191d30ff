import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { serveGitOverHttp } from '@galley/build/source/under-test/http-backend';
import { assembleImage } from '@galley/image/assemble/assemble-image';
import { openLayoutStore } from '@galley/image/layout-store';
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
    'build source centos/python-36-centos7 team/app:v1 --as-dockerfile out/Dockerfile -e A=1 --exclude [.]md$ -p never --loglevel 2 -q -i source/app.py:conf/';
  const { exitCode, stdout } = await s2i(...typed.split(' '), '-n', 'The app');
  expect([exitCode, stdout]).toEqual([0, expect.stringContaining('Wrote')]);
  const text = await readFile(join(folder, 'out/Dockerfile'), 'utf8');
  expect(text).toMatch(/^FROM centos\/python-36-centos7$/m);
  expect(text).toContain('"io.k8s.display-name"="The app"');
  expect(text).toMatch(/FROM_SOURCE="1" \\\n {4}A="1"\n/);
  expect(text).toContain('target=/opt/app-root/src/conf/app.py');
  expect(await readFile(join(folder, 'out/upload/src/app.py'), 'utf8')).toBe('print(1)\n');
});

test.each([
  [['--volume', '/a:/b'], /--volume of s2i is not supported[\s\S]*--inject/],
  [['--run'], /--run of s2i is not supported[\s\S]*galley image export/],
  [['--env', 'nothing'], /"nothing" is no NAME=VALUE/],
  [['--incremental', '--runtime-image', 'x'], /cannot be used with --runtime-image/],
  [['--allowed-uids', 'x', '--as-dockerfile', 'other/Dockerfile'], /"x" is no range/],
  [['--allow', 'https://x.example', '--as-dockerfile', 'other/Dockerfile'], /--allow takes host:port/],
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

test('a Dockerfile of the folder one is in is written as s2i generate does', async () => {
  const { exitCode, stdout } = await galley(['s2i', 'generate', 'x', '../generated/Dockerfile'], {
    home: join(folder, 'home'),
    cwd: join(folder, 'source'),
  });
  expect([exitCode, stdout]).toEqual([0, expect.stringContaining('upload/ beside it')]);
  expect(await readFile(join(folder, 'generated/upload/src/app.py'), 'utf8')).toBe('print(1)\n');
});

test('a context that is there already is not written over', async () => {
  const again = await s2i('build', 'source', 'x', '--as-dockerfile', 'out/Other');
  expect(again.stderr).toMatch(/EXPORT_EXISTS[\s\S]*rm -r/);
});

test('an image that says where it came from does not get the token that opens a repository', async () => {
  const home = join(folder, 'other-home');
  const store = await openLayoutStore(join(home, 'images'));
  const server = await serveGitOverHttp(folder, { authorization: 'Basic of somebody else' });
  try {
    const Labels = {
      'io.openshift.s2i.scripts-url': 'image:///usr/libexec/s2i',
      'io.openshift.s2i.build.image': 'stranger/app:v1',
      'io.openshift.s2i.build.source-location': `${server.url}/source.git`,
    };
    await store.tag(
      'stranger/app:v1',
      (await assembleImage(store, { layers: [], config: { Labels } })).digest,
    );
    const env = { GALLEY_GIT_SECRET: 'token-of-the-user' };
    const { exitCode, stderr } = await galley(['s2i', 'rebuild', 'stranger/app:v1'], { home, env });
    expect([exitCode, stderr]).toEqual([2, expect.stringContaining('SOURCE_UNAUTHORIZED')]);
    expect(server.requests.length).toBeGreaterThan(0);
    expect(server.requests.map(({ authorization }) => authorization)).not.toContain(
      `Basic ${Buffer.from('oauth2:token-of-the-user').toString('base64')}`,
    );
  } finally {
    await server.close();
  }
});

test('what an image says of its build is written out for other tools, too', async () => {
  const home = join(folder, 'rewritten');
  const store = await openLayoutStore(join(home, 'images'));
  const Labels = {
    'io.openshift.s2i.build.image': 'centos/python-36-centos7',
    'io.openshift.s2i.build.source-location': join(folder, 'source'),
  };
  await store.tag('team/app:v1', (await assembleImage(store, { layers: [], config: { Labels } })).digest);
  const typed = ['s2i', 'rebuild', 'team/app:v1', '--copy', '--as-dockerfile', 'again/Dockerfile'];
  const { exitCode, stdout } = await galley(typed, { home, cwd: folder });
  expect([exitCode, stdout]).toEqual([0, expect.stringContaining('Wrote')]);
  expect(await readFile(join(folder, 'again/Dockerfile'), 'utf8')).toMatch(
    /^FROM centos\/python-36-centos7$/m,
  );
});

test('flags of repo2docker that ask for what is not here are refused by name', async () => {
  const { exitCode, stderr } = await galley(['repo2docker', '--volume', 'a:/b', '.'], {
    home: join(folder, 'home'),
  });
  expect(exitCode).toBe(2);
  expect(stderr).toMatch(/--volume of repo2docker[\s\S]*--editable/);
});
