import { execFile, spawn, spawnSync, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { openRegistryApi, type RegistryApi } from '@galley/control/server/fixtures/registry-api';
import type { Image } from '@galley/image/image';
import { openLayoutStore } from '@galley/image/layout-store';
import { noiseImage, transferOptions } from '@galley/image/registry-client/fixtures/push-pull';
import { pullImage } from '@galley/image/registry-client/pull-image';
import { pushImage } from '@galley/image/registry-client/push-image';
import type { ImageStore } from '@galley/image/store';
import { validateImage } from '@galley/image/validate/validate-image';

/** Registries and clients that are not ours, as people have them. What is not installed is skipped, and its test says so. */
const has = (program: string, ...args: string[]): boolean => spawnSync(program, args).error === undefined;
const isRoot = process.getuid?.() === 0;

let folder: string;
let api: RegistryApi;
let local: ImageStore;
let image: Image;
const started: ChildProcess[] = [];

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'galley-clients-'));
  api = await openRegistryApi();
  local = await openLayoutStore(join(folder, 'local'));
  image = await noiseImage(local, [5_000_000, 100]);
  await api.images.write(Buffer.from('{}'), { mediaType: 'application/json' });
  await pushImage(local, image.digest, own('seed/model:v1'));
});
afterAll(async () => {
  for (const child of started.toReversed()) {
    child.kill('SIGTERM');
    if (child.exitCode === null && child.signalCode === null) await once(child, 'exit');
  }
  await api.close();
  rmSync(folder, { recursive: true, force: true });
});

const own = (name: string): ReturnType<typeof transferOptions> =>
  transferOptions(`${api.host}/${name}`, 'push', {
    credentials: async () => ({ kind: 'password', username: 'ada', password: api.token }),
    authorities: { [api.host]: api.authority },
  });

/** Runs a program beside us: the registry is in this process, so nothing may block it. */
async function run(
  program: string,
  args: readonly string[],
  env: Record<string, string> = {},
): Promise<string> {
  const options = { env: { ...process.env, DOCKER_CONFIG: api.folder, ...env }, maxBuffer: 64 << 20 };
  return (await promisify(execFile)(program, [...args], options)).stdout;
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo; // it listens on TCP
  server.close();
  return port;
}

function background(program: string, args: readonly string[]): void {
  started.push(spawn(program, [...args], { stdio: 'ignore' }));
}

test.skipIf(!has('docker-registry', '--version'))(
  'an old registry (distribution 2.8) takes our images, mounts, pieces and referrers by tag, and gives them back (skipped without docker-registry)',
  async () => {
    const port = await freePort();
    const config = join(folder, 'registry.yml');
    writeFileSync(
      config,
      `version: 0.1\nlog: {level: error}\nstorage: {filesystem: {rootdirectory: ${join(folder, 'registry')}}}\nhttp: {addr: "127.0.0.1:${port}"}\n`,
    );
    background('docker-registry', ['serve', config]);
    await expect
      .poll(() =>
        fetch(`http://127.0.0.1:${port}/v2/`).then(
          ({ status }) => status,
          () => 0,
        ),
      )
      .toBe(200);
    const at = (name: string): string => `127.0.0.1:${port}/${name}`;
    const first = await pushImage(local, image.digest, transferOptions(at('a/model:v1'), 'push'));
    expect(first.blobs).toEqual({ uploaded: 3, mounted: 0, known: 0 });
    const second = await pushImage(local, image.digest, transferOptions(at('b/model:v1'), 'push'));
    expect(second.blobs).toEqual({ uploaded: 0, mounted: 3, known: 0 });
    const pieces = await noiseImage(local, [9_000_000]);
    await pushImage(local, pieces.digest, {
      ...transferOptions(at('c/model:v1'), 'push'),
      chunkBytes: 2_000_000,
    });
    const empty = await local.write(Buffer.from('{}'), { mediaType: 'application/vnd.oci.empty.v1+json' });
    await local.putManifest(
      Buffer.from(
        JSON.stringify({
          schemaVersion: 2,
          mediaType: 'application/vnd.oci.image.manifest.v1+json',
          artifactType: 'example/note',
          config: empty,
          layers: [empty],
          subject: { mediaType: image.manifest.mediaType, digest: image.digest, size: 1 },
        }),
      ),
    );
    const noted = await pushImage(local, image.digest, transferOptions(at('a/model:v2'), 'push'));
    expect(noted.referrers).toBe(1);
    const fresh = await openLayoutStore(join(folder, 'from-old'));
    const pulled = await pullImage(fresh, { ...transferOptions(at('a/model:v2'), 'pull'), referrers: true });
    expect(pulled).toMatchObject({ digest: image.digest, referrers: { length: 1 } });
    expect(await validateImage(fresh, image.digest)).toMatchObject({ valid: true });
    expect(await pullImage(fresh, transferOptions(at('c/model:v1'), 'pull'))).toMatchObject({
      digest: pieces.digest,
    });
  },
);

test.skipIf(!has('crane', 'version'))(
  'crane copies, lists, validates and deletes (skipped without crane)',
  async () => {
    const crane = (...args: string[]): Promise<string> =>
      run('crane', args, { SSL_CERT_FILE: join(api.certificates, 'ca.crt') });
    const ref = (name: string): string => `${api.host}/${name}`;
    await crane('copy', ref('seed/model:v1'), ref('crane/copy:v1'));
    expect((await crane('digest', ref('crane/copy:v1'))).trim()).toBe(image.digest);
    await crane('validate', '--remote', ref('crane/copy:v1'));
    await crane('tag', ref('crane/copy:v1'), 'v2');
    expect((await crane('ls', ref('crane/copy'))).trim().split('\n')).toEqual(['v1', 'v2']);
    expect(await crane('catalog', api.host)).toContain('crane/copy');
    await crane('pull', '--format', 'oci', ref('crane/copy:v1'), join(folder, 'crane'));
    await crane('push', join(folder, 'crane'), ref('crane/pushed:v1'));
    expect(await api.images.has(image.digest)).toBe(true);
    await crane('delete', ref('crane/copy:v2'));
    expect((await crane('ls', ref('crane/copy'))).trim()).toBe('v1');
  },
);

test.skipIf(!has('oras', 'version'))(
  'oras pushes, attaches, discovers and pulls artifacts (skipped without oras)',
  async () => {
    const flags = ['--ca-file', join(api.certificates, 'ca.crt'), '--registry-config', api.authFile];
    const ref = `${api.host}/oras/model:v1`;
    writeFileSync(join(folder, 'note.txt'), 'a note\n');
    const oras = (...args: string[]): Promise<string> =>
      promisify(execFile)('oras', args, { cwd: folder }).then(({ stdout }) => stdout);
    await oras(
      'cp',
      `${api.host}/seed/model:v1`,
      ref,
      '--from-registry-config',
      api.authFile,
      '--from-ca-file',
      flags[1] ?? '',
      '--to-registry-config',
      api.authFile,
      '--to-ca-file',
      flags[1] ?? '',
    );
    await oras('attach', ref, '--artifact-type', 'example/note', 'note.txt', ...flags);
    const found = await oras('discover', ref, '--format', 'json', ...flags);
    expect(found).toContain('example/note');
    expect(await api.images.referrers(image.digest)).toMatchObject([{ artifactType: 'example/note' }]);
    await oras('push', `${api.host}/oras/file:v1`, 'note.txt', ...flags);
    mkdirSync(join(folder, 'pulled'));
    await oras('pull', `${api.host}/oras/file:v1`, '-o', join(folder, 'pulled'), ...flags);
    expect(readFileSync(join(folder, 'pulled', 'note.txt'), 'utf8')).toBe('a note\n');
  },
);

test.skipIf(!isRoot || !has('containerd', '--version') || !has('ctr', '--version'))(
  'containerd pulls, unpacks and pushes (skipped without containerd or root)',
  async () => {
    const address = join(folder, 'containerd.sock');
    const config = join(folder, 'containerd.toml');
    writeFileSync(config, 'version = 2\ndisabled_plugins = ["io.containerd.grpc.v1.cri"]\n');
    background('containerd', [
      '--config',
      config,
      '--address',
      address,
      '--root',
      join(folder, 'containerd'),
      '--state',
      join(folder, 'containerd-state'),
      '--log-level',
      'error',
    ]);
    await expect.poll(() => spawnSync('ctr', ['--address', address, 'version']).status).toBe(0);
    // Without it containerd speaks plain HTTP to registries of this machine.
    const hosts = join(folder, 'hosts', api.host);
    mkdirSync(hosts, { recursive: true });
    const ca = join(api.certificates, 'ca.crt');
    writeFileSync(
      join(hosts, 'hosts.toml'),
      `server = "${api.url}"\n[host."${api.url}"]\ncapabilities = ["pull", "resolve", "push"]\nca = "${ca}"\n`,
    );
    const flags = ['--hosts-dir', join(folder, 'hosts'), '--user', `ada:${api.token}`];
    const ctr = (...args: string[]): Promise<string> => run('ctr', ['--address', address, ...args]);
    const ref = `${api.host}/seed/model:v1`;
    await ctr('images', 'pull', ...flags, ref);
    expect(await ctr('images', 'ls')).toContain(image.digest);
    await ctr('images', 'tag', ref, `${api.host}/containerd/model:v1`);
    await ctr('images', 'push', ...flags, `${api.host}/containerd/model:v1`);
    expect(await api.images.resolve('containerd/model:v1')).toBe(image.digest);
  },
);

test.skipIf(!isRoot || !has('dockerd', '--version') || !has('containerd', '--version'))(
  'docker logs in, pulls and pushes (skipped without dockerd or root)',
  async () => {
    const socket = `unix://${join(folder, 'docker.sock')}`;
    // No bridge and no rules: a test must not change the network of the machine. Registries of 127.0.0.0/8 need no certificate there.
    background('dockerd', [
      '--host',
      socket,
      '--data-root',
      join(folder, 'docker'),
      '--exec-root',
      join(folder, 'docker-run'),
      '--pidfile',
      join(folder, 'docker.pid'),
      '--bridge=none',
      '--iptables=false',
      '--ip6tables=false',
      '--log-level=error',
    ]);
    await expect
      .poll(() => spawnSync('docker', ['-H', socket, 'version']).status, { timeout: 60_000 })
      .toBe(0);
    const docker = (...args: string[]): Promise<string> => run('docker', ['-H', socket, ...args]);
    await docker('pull', `${api.host}/seed/model:v1`);
    expect(await docker('image', 'inspect', `${api.host}/seed/model:v1`)).toContain(image.digest);
    await docker('tag', `${api.host}/seed/model:v1`, `${api.host}/docker/model:v1`);
    await docker('push', `${api.host}/docker/model:v1`);
    const pushed = await api.images.resolve('docker/model:v1');
    expect(await validateImage(api.images, pushed)).toMatchObject({ valid: true });
  },
);

test('no request of any of them was a fault of ours', () => {
  expect(api.faults).toEqual([]);
});
