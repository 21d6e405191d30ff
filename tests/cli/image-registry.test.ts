import { mkdtemp, rm, writeFile, mkdir } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { openLayoutStore } from '../../packages/image/src/layout-store.ts';
import { noiseImage } from '../../packages/image/src/registry-client/fixtures/push-pull.ts';
import {
  serveRegistry,
  type ServedRegistry,
} from '../../packages/image/src/registry-server/fixtures/serve-registry.ts';
import { galley, type Session } from './galley.ts';

let folder: string;
let served: ServedRegistry;
let digest: string;
const home = (name: string): string => join(folder, name);

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'galley-cli-registry-'));
  served = await serveRegistry(await openLayoutStore(join(folder, 'remote')));
  const store = await openLayoutStore(join(home('mine'), 'images'));
  const image = await noiseImage(store, [2_000_000]);
  await store.tag('default/iris:latest', image.digest);
  digest = image.digest;
});
afterAll(async () => {
  await served.close();
  await rm(folder, { recursive: true, force: true });
});

const typed = (line: string, at = 'mine', input = ''): Promise<Session> =>
  galley(line.split(' '), { home: home(at), input });

test('an image is pushed, pulled by another home, named and renamed', async () => {
  const target = `${served.host}/team/iris:v1`;
  const push = await typed(`image push default/iris ${target}`);
  expect(push).toMatchObject({
    exitCode: 0,
    stdout: expect.stringContaining(`Pushed ${target}\nDigest ${digest}`),
  });
  expect(push.stdout).toMatch(
    /2 sent \(2\.0 MB of 2\.0 MB\), 0 taken from another repository, 0 there already/,
  );
  const pull = await typed(`image pull ${target} -o json`, 'theirs');
  expect(JSON.parse(pull.stdout)).toMatchObject({ name: target, digest, blobs: { fetched: 2 } });
  expect(await typed(`image tag ${target} mine:v1`, 'theirs')).toMatchObject({ exitCode: 0 });
  expect(await typed(`image untag ${target}`, 'theirs')).toMatchObject({ exitCode: 0 });
  expect((await typed('image list -o name', 'theirs')).stdout).toBe('mine:v1\n');
});

test('a name that is none is refused before anything is built or sent', async () => {
  const [push, build] = await Promise.all([
    typed('image push default/iris https://a.example/b'),
    typed('build . --push Bad/Name'),
  ]);
  for (const { exitCode, stderr } of [push, build]) {
    expect(exitCode).toBe(2);
    expect(stderr).toMatch(/REFERENCE_INVALID[\s\S]*registry\.example\/team\/model:v1/);
  }
});

test('a password reaches the registry from standard input or the file of docker, and no output', async () => {
  const wanted = `Basic ${Buffer.from('ada:open-sesame').toString('base64')}`;
  served.between((request, response) => {
    if (request.headers.authorization === wanted) return false;
    request.resume();
    request.on('end', () => response.writeHead(401, { 'www-authenticate': 'Basic realm="x"' }).end());
    return true;
  });
  const target = `${served.host}/private/iris:v1`;
  expect(await typed(`image push default/iris ${target}`)).toMatchObject({
    exitCode: 2,
    stderr: expect.stringMatching(/REGISTRY_UNAUTHORIZED[\s\S]*docker login/),
  });
  const given = await typed(`image push default/iris ${target} --username ada`, 'mine', 'open-sesame\n');
  expect(given.exitCode).toBe(0);
  await mkdir(join(folder, 'docker'));
  const auths = { [served.host]: { auth: Buffer.from('ada:open-sesame').toString('base64') } };
  await writeFile(join(folder, 'docker', 'config.json'), JSON.stringify({ auths }));
  process.env['DOCKER_CONFIG'] = join(folder, 'docker');
  const found = await typed(`image pull ${target}`, 'logged-in');
  delete process.env['DOCKER_CONFIG'];
  expect(found.exitCode).toBe(0);
  for (const { stdout, stderr } of [given, found])
    expect(stdout + stderr).not.toMatch(/sesame|b3Blbi1zZXNhbWU/);
  served.between(() => false);
});
