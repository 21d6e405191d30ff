import { createServer, request as send, type IncomingHttpHeaders } from 'node:http';
import { once } from 'node:events';
import { chmod, mkdir, mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { processLives } from '@galley/image/lease/process-identity';
import { askGatewayCounts, askGatewayState } from '../traffic/gateway-client.ts';
import { adminSocket, startGateway } from '../traffic/gateway-process.ts';
import { Traffic } from '../traffic/traffic.ts';
import { startReplica, type TestReplica } from './test-replica.ts';

/** A whole gateway: its own process, real sockets, real requests. */
let root: string;
let folder: string;
let traffic: Traffic;
let port: number;
const replicas: TestReplica[] = [];

beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'galley-gw-'));
  // As GALLEY_HOME: the gateway may run under another id.
  await chmod(root, 0o711);
  folder = join(root, 'gateway');
  await mkdir(folder, { mode: 0o755 });
  traffic = new Traffic({ folder, port: 0 });
  port = (await traffic.ensureGateway()).port;
});

afterEach(async () => {
  await traffic.stop();
  await Promise.all(replicas.splice(0).map((started) => started.close()));
  await rm(root, { recursive: true });
});

async function replica(id: string, handle?: Parameters<typeof startReplica>[2]): Promise<TestReplica> {
  const started = await startReplica(root, id, handle);
  replicas.push(started);
  return started;
}

function route(...targets: readonly { readonly id: string; readonly socket: string }[]): Promise<void> {
  const wanted = { revision: 'revision-uid', targets: targets.map(({ id, socket }) => ({ id, socket })) };
  return traffic.setRoute('default', 'iris', wanted);
}

interface Answer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
}

async function ask(
  options: { path?: string; host?: string; method?: string; body?: string | Buffer; headers?: object } = {},
): Promise<Answer> {
  const asked = send({
    port,
    host: '127.0.0.1',
    path: options.path ?? '/predict',
    method: options.method ?? 'POST',
    headers: { host: options.host ?? `iris.default.localhost:${port}`, ...options.headers },
    agent: false,
  });
  asked.end(options.body ?? 'rows');
  const [response] = await once(asked, 'response');
  return { status: response.statusCode, headers: response.headers, body: await text(response) };
}

test('an application is found by its host name and by its path, and nothing else is', async () => {
  const one = await replica('one');
  await route(one);
  expect(await ask({ path: '/v2?x=1' })).toMatchObject({ status: 200, body: 'rows' });
  expect(await ask({ host: 'localhost', path: '/apps/default/iris/v2?x=1' })).toMatchObject({ status: 200 });
  expect(await ask({ host: '127.0.0.1', path: '/apps/default/iris' })).toMatchObject({ status: 200 });
  expect(one.seen).toEqual(['POST /v2?x=1', 'POST /v2?x=1', 'POST /']);
  const unknown = await ask({ host: 'rose.default.localhost' });
  expect(unknown.status).toBe(404);
  expect(JSON.parse(unknown.body)).toEqual({
    error: 'There is no application rose of project default.',
    code: 'NOT_FOUND',
    hint: 'There are: /apps/default/iris/',
  });
  const foreign = await ask({ host: 'evil.example', path: '/apps/default/iris/' });
  expect(foreign.status).toBe(421);
  expect(foreign.body).not.toContain('iris');
});

test('by path answers cannot act as pages: no cookies, a sandbox; headers of one hop stay on it', async () => {
  await route(await replica('one'));
  const own = await ask();
  expect(own.headers['set-cookie']).toEqual(['a=b']);
  expect(own.headers['x-hop']).toBeUndefined();
  const shared = await ask({ host: 'localhost', path: '/apps/default/iris/' });
  expect(shared.headers['set-cookie']).toBeUndefined();
  expect(shared.headers['content-security-policy']).toBe('sandbox');
});

test('what a client claims of its origin is replaced', async () => {
  await route(await replica('one', (request, response) => response.end(JSON.stringify(request.headers))));
  const { body } = await ask({
    headers: { 'x-forwarded-for': '8.8.8.8', forwarded: 'for=8.8.8.8', te: 'x' },
  });
  const seen = JSON.parse(body) as Record<string, string>;
  expect(seen['x-forwarded-for']).toBe('127.0.0.1');
  expect(seen['forwarded']).toBeUndefined();
  expect(seen['te']).toBeUndefined();
});

test('requests go to the replicas in turn', async () => {
  const [one, two] = [await replica('one'), await replica('two')];
  await route(one, two);
  for (let count = 0; count < 6; count += 1) await ask();
  expect([one.seen.length, two.seen.length]).toEqual([3, 3]);
});

test('a replica that cannot be connected to is passed over, with the body whole', async () => {
  const body = Buffer.alloc(3_000_000, 'x');
  const gone = { id: 'gone', socket: join(root, 'gone.sock') };
  const linked = { id: 'linked', socket: join(root, 'linked.sock') };
  const one = await replica('one');
  // A workload owns its directory: a link to somebody else's socket must lead nowhere.
  await symlink(one.socket, linked.socket);
  await route(gone, linked, one);
  for (let count = 0; count < 3; count += 1) expect((await ask({ body })).body.length).toBe(body.length);
  expect(one.seen).toHaveLength(3);
  await route(linked);
  expect(await ask()).toMatchObject({ status: 503 });
  expect(one.seen).toHaveLength(3);
});

test('without a replica the answer is 503 and says when to come back', async () => {
  await route();
  const { status, headers, body } = await ask();
  expect(status).toBe(503);
  expect(headers['retry-after']).toBe('1');
  expect(JSON.parse(body)).toMatchObject({ code: 'NO_REPLICA', hint: 'galley status iris' });
});

test('a request that a replica has seen is never sent again', async () => {
  const breaks = await replica('breaks', (request) => request.socket.destroy());
  const other = await replica('other');
  await route(breaks, other);
  const { status, body } = await ask();
  expect(status).toBe(502);
  expect(JSON.parse(body)).toMatchObject({ code: 'REPLICA_FAILED' });
  expect([breaks.seen.length, other.seen.length]).toEqual([1, 0]);
});

test('no request fails while tables are switched under load, and the old replica drains', async () => {
  const slow = (id: string) =>
    replica(id, (_request, response) => void setTimeout(() => response.end(id), 5));
  const generations = [await slow('a'), await slow('b'), await slow('c'), await slow('d')];
  const first = generations[0];
  if (first !== undefined) await route(first);
  const statuses: number[] = [];
  const load = { going: true };
  const clients = Array.from({ length: 8 }, async () => {
    while (load.going) statuses.push((await ask()).status);
  });
  for (const next of [...generations, ...generations]) {
    await route(next);
    const before = statuses.length;
    await expect.poll(() => statuses.length, { timeout: 20_000 }).toBeGreaterThan(before + 40);
    const { inFlight } = await askGatewayState(adminSocket(folder));
    const others = Object.keys(inFlight).filter((id) => id !== next.id);
    expect(others).toEqual([]);
  }
  load.going = false;
  await Promise.all(clients);
  expect(new Set(statuses)).toEqual(new Set([200]));
  expect(generations.every(({ seen }) => seen.length > 0)).toBe(true);
});

test('requests under way at a replica that was taken out are counted until they end', async () => {
  const waiting: (() => void)[] = [];
  const old = await replica('old', (_request, response) => void waiting.push(() => response.end('late')));
  await route(old);
  const asked = ask();
  await expect.poll(() => waiting.length).toBe(1);
  await route(await replica('new'));
  expect((await traffic.observe('default', 'iris')).inFlight).toEqual({ old: 1 });
  waiting[0]?.();
  expect((await asked).body).toBe('late');
  await expect.poll(async () => (await traffic.observe('default', 'iris')).inFlight).toEqual({});
});

test('answered predictions are counted by revision and minute; questions of other sorts are not', async () => {
  await route(
    await replica('one', (request, response) => {
      response.statusCode = request.url === '/bad' ? 400 : request.url === '/broken' ? 500 : 200;
      response.end();
    }),
  );
  await Promise.all([ask(), ask(), ask({ path: '/bad' }), ask({ path: '/broken' }), ask({ method: 'GET' })]);
  const { counts } = await askGatewayCounts(adminSocket(folder), 0);
  const sum = (of: 'answered' | 'failed') => counts.reduce((total, count) => total + count[of], 0);
  expect(new Set(counts.map((count) => count.revision))).toEqual(new Set(['revision-uid']));
  expect([sum('answered'), sum('failed')]).toEqual([2, 1]);
});

test('the next life of control adopts the process, its table and its port', async () => {
  await route(await replica('one'));
  const next = new Traffic({ folder, port: 0 });
  const adopted = await next.ensureGateway();
  expect(adopted).toMatchObject({ adopted: true, port });
  expect((await next.observe('default', 'iris')).route?.targets).toHaveLength(1);
  await next.setRoute('default', 'iris', undefined);
  expect((await ask()).status).toBe(404);
});

test('a gateway that was killed is started again on its port, with its table', async () => {
  await route(await replica('one'));
  const first = await traffic.ensureGateway();
  process.kill(first.process.pid, 'SIGKILL');
  await expect.poll(() => processLives(first.process)).toBe(false);
  const second = await traffic.ensureGateway();
  expect(second).toMatchObject({ adopted: false, port });
  expect((await ask()).status).toBe(200);
});

test('on SIGTERM it answers what is under way and takes nothing new', async () => {
  const waiting: (() => void)[] = [];
  // Only the first waits: a later one may still be let in before the gateway hears of its end.
  const one = await replica('one', (_request, response) => {
    if (waiting.length > 0) response.end('soon');
    else waiting.push(() => response.end('late'));
  });
  await route(one);
  const asked = ask();
  await expect.poll(() => waiting.length).toBe(1);
  const stopped = traffic.stop();
  const refused = async () =>
    ask().then(
      () => 'answered',
      (error: NodeJS.ErrnoException) => error.code,
    );
  await expect.poll(refused).toBe('ECONNREFUSED');
  waiting[0]?.();
  expect((await asked).body).toBe('late');
  await stopped;
});

test('a table that cannot be read is passed over, and the next one is taken', async () => {
  await route(await replica('one'));
  await writeFile(join(folder, 'routes.json'), '{"schema":');
  expect((await ask()).status).toBe(200);
  await route();
  expect((await ask()).status).toBe(503);
});

test.skipIf(process.getuid?.() !== 0)(
  'it serves as nobody, without any right of root (skipped without root)',
  async () => {
    const one = await replica('one');
    const nobody = join(root, 'nobody');
    await mkdir(nobody, { mode: 0o755 });
    const identity = { uid: 65_534, gid: 65_534, groups: [] };
    const unprivileged = new Traffic({ folder: nobody, port: 0, identity });
    const started = await unprivileged.ensureGateway();
    try {
      await unprivileged.setRoute('default', 'iris', { revision: 'r', targets: [one] });
      port = started.port;
      expect((await ask()).status).toBe(200);
      const status = await readFile(`/proc/${started.process.pid}/status`, 'utf8');
      expect(status).toMatch(/^Uid:\t65534\t65534\t65534\t65534$/m);
      expect(status).toMatch(/^Gid:\t65534\t65534\t65534\t65534$/m);
      expect(status).toMatch(/^Groups:\t *$/m);
      expect(status).toMatch(/^CapEff:\t0+$/m);
    } finally {
      await unprivileged.stop();
    }
  },
);

test('a port that is taken is named', async () => {
  const other = createServer().listen(0, '127.0.0.1');
  await once(other, 'listening');
  // It listens on TCP, so its address has a port.
  const taken = (other.address() as AddressInfo).port;
  const second = join(root, 'second');
  await mkdir(second);
  await expect(startGateway({ folder: second, port: taken })).rejects.toMatchObject({ code: 'PORT_IN_USE' });
  other.close();
});
