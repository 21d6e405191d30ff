import { existsSync, readdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type AddressInfo, type Server } from 'node:net';
import { networkInterfaces, tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { Readable } from 'node:stream';
import { extract } from 'tar-stream';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { assembleImage } from '@galley/image/assemble/assemble-image';
import { buildLayer } from '@galley/image/layer/build-layer';
import { fileEntry } from '@galley/image/tar/entry';
import type { Engine, LogLine, Workload, WorkloadStatus } from '../engine.ts';
import { openRuncUnderTest, runcUnavailable, type RuncUnderTest } from '../contract/runc-under-test.ts';

const unavailable = runcUnavailable();
const attempts = readFileSync(
  new URL('../../../../tests/fixtures/hostile/attempts.py', import.meta.url),
  'utf8',
);

interface Attempt {
  readonly attempt: string;
  readonly held: boolean;
  readonly detail: string;
}

/** What an attacker would like to reach: a file, a TCP port, a Unix socket and an abstract one, all of the host. */
async function bait(
  directory: string,
): Promise<{ env: Record<string, string>; close: () => void; touched: () => number }> {
  let connections = 0;
  const listen = async (options: { port?: number; host?: string; path?: string }): Promise<Server> => {
    const server = createServer((socket) => {
      connections++;
      socket.end('secret of the host');
    });
    await new Promise<void>((resolve) => server.listen(options, resolve));
    return server;
  };
  const file = join(directory, 'host-file');
  writeFileSync(file, 'secret of the host');
  const abstract = `galley-bait-${process.pid}`;
  const tcp = await listen({ port: 0, host: '::' });
  const servers = [
    tcp,
    await listen({ path: join(directory, 's') }),
    await listen({ path: `\0${abstract}` }),
  ];
  const addresses = Object.values(networkInterfaces())
    .flat()
    .flatMap((found) => (found === undefined || found.address.startsWith('fe80') ? [] : [found.address]));
  return {
    env: {
      HOST_FILE: file,
      HOST_PID: String(process.pid),
      HOST_ADDRESSES: addresses.join(','),
      // Listening on a port always has an address with a port.
      HOST_PORT: String((tcp.address() as AddressInfo).port),
      HOST_SOCKET: join(directory, 's'),
      HOST_ABSTRACT: abstract,
    },
    close: () => servers.forEach((server) => server.close()),
    touched: () => connections,
  };
}

async function ended(engine: Engine, id: string): Promise<WorkloadStatus> {
  for await (const status of engine.watch(AbortSignal.timeout(50_000))) {
    if (status.id === id && ['succeeded', 'failed', 'lost'].includes(status.phase)) return status;
  }
  throw new Error(`${id} did not end: ${JSON.stringify(await engine.observe(id))}`);
}

async function linesOf(engine: Engine, id: string): Promise<LogLine[]> {
  const lines: LogLine[] = [];
  for await (const line of engine.logs(id)) lines.push(line);
  return lines;
}

describe.skipIf(unavailable !== undefined)(`a hostile workload is held (${unavailable ?? 'runc'})`, () => {
  let under: RuncUnderTest;
  let directory: string;
  let traps: Awaited<ReturnType<typeof bait>>;
  const hostile = (id: string, source: string, more: Partial<Workload> = {}): Workload =>
    under.workload(id, source, { env: traps.env, ...more });

  beforeAll(async () => {
    under = await openRuncUnderTest();
    directory = mkdtempSync(join(tmpdir(), 'galley-bait-'));
    traps = await bait(directory);
  });
  afterAll(async () => {
    traps.close();
    await under.dispose();
    rmSync(directory, { recursive: true });
  });

  test('every attempt of the fixture is held', async () => {
    const { engine } = under;
    await engine.ensure(hostile('attempts', attempts, { ports: [8080, 8081, 8082, 8083] }));
    expect(await ended(engine, 'attempts')).toMatchObject({ phase: 'succeeded' });
    const results = (await linesOf(engine, 'attempts')).map((line) => JSON.parse(line.text) as Attempt);
    expect(results.filter((result) => !result.held)).toEqual([]);
    expect(results.length).toBeGreaterThanOrEqual(30);
    expect(traps.touched()).toBe(0);
  });

  test('the output of a hostile workload is read without following, and without its traps', async () => {
    const entries: Record<string, string> = {};
    const reader = extract();
    (await under.engine.output('attempts')).pipe(reader);
    for await (const entry of reader) {
      const { name, type, linkname, mode } = entry.header;
      entries[name] = `${type} ${linkname ?? ''} ${mode?.toString(8)} ${await text(Readable.from(entry))}`;
    }
    expect(JSON.stringify(entries)).not.toContain('secret of the host');
    expect(entries['report.jsonl']).toMatch(/^symlink .*host-file/);
    expect(entries['model']).toMatch(/^symlink \/ /);
    expect(entries['set-id']).toMatch(/^file {2}777 /);
    expect(Object.keys(entries)).not.toContain('executed.ipynb');
    expect(Object.keys(entries)).not.toContain('socket');
    await under.engine.remove('attempts', 0);
  });

  test('a socket that is a link to the host, a FIFO or a directory is not dialled', async () => {
    const { engine } = under;
    const source = `${attempts.replace(/\nmain\(\)\n$/, '')}
plant_traps_in_sockets_and_output()
print("planted", flush=True)
time.sleep(600)`;
    await engine.ensure(hostile('links', source, { ports: [8080, 8081, 8082, 8083] }));
    for await (const line of engine.logs('links', { follow: true })) if (line.text === 'planted') break;
    for (const port of [8080, 8081, 8082, 8083]) {
      await expect(engine.dial('links', port)).rejects.toMatchObject({ code: 'DIAL_REFUSED' });
    }
    expect(traps.touched()).toBe(0);
    await engine.remove('links', 0);
  });

  test('a workload that eats memory is killed for it and named so', async () => {
    const { engine } = under;
    await engine.ensure(hostile('glutton', 'x = []\nwhile True: x.append(bytearray(1 << 20))'));
    expect(await ended(engine, 'glutton')).toMatchObject({
      phase: 'failed',
      reason: 'OOMKilled',
      exitCode: 137,
    });
    expect((await engine.usage?.('glutton'))?.oomKills).toBeGreaterThan(0);
    await engine.remove('glutton', 0);
  });

  test('a workload that fills its disk gets ENOSPC, and the reason', async () => {
    const source = 'f = open("/galley/out/big", "wb", 0)\nfor _ in range(48): f.write(b"x" * (1 << 20))';
    for (const diskBytes of [16 << 20, 40 << 20]) {
      // The second does not fit into half of the memory: its disk is an image, not a tmpfs.
      const limits = { memoryBytes: 64 << 20, cpus: 1, pids: 16, openFiles: 64, diskBytes };
      await under.engine.ensure(hostile('filler', source, { limits }));
      expect(await ended(under.engine, 'filler')).toMatchObject({ phase: 'failed', reason: 'DiskFull' });
      await under.engine.remove('filler', 0);
    }
  });

  test('a larger output than its disk, by holes, is refused', async () => {
    const { engine } = under;
    await engine.ensure(hostile('sparse', 'open("/galley/out/hole", "wb").truncate(1 << 40)'));
    await ended(engine, 'sparse');
    await expect(text(await engine.output('sparse'))).rejects.toMatchObject({ code: 'OUTPUT_REFUSED' });
    await engine.remove('sparse', 0);
  });

  test('processes that left the session and ignore signals are gone after the removal', async () => {
    const { engine } = under;
    const source = `
import os, signal, time
for _ in range(20):
    if os.fork() == 0:
        os.setsid()
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        if os.fork() == 0:
            time.sleep(600)
        time.sleep(600)
print("spread", flush=True)
time.sleep(600)`;
    await engine.ensure(hostile('spread', source));
    for await (const line of engine.logs('spread', { follow: true })) if (line.text === 'spread') break;
    const pids = (await engine.inspect?.('spread'))?.processes.map(({ pid }) => pid) ?? [];
    expect(pids.length).toBeGreaterThan(20);
    await engine.remove('spread', 0);
    expect(pids.filter((pid) => existsSync(`/proc/${pid}/root`))).toEqual([]);
  });

  test('a flood of output does not fill the disk of the host and loses no line of what is kept', async () => {
    const { engine, root } = under;
    const source = `
import sys
line = "y" * 1000 + "\\n"
for _ in range(60_000): sys.stdout.write(line)
print("end of the flood", flush=True)`;
    await engine.ensure(hostile('flood', source));
    await ended(engine, 'flood');
    const lines = await linesOf(engine, 'flood');
    expect(lines.at(-1)?.text).toBe('end of the flood');
    expect(lines.slice(0, -1).every((line) => line.text.length === 1000)).toBe(true);
    // Rotated while it ran; when it ended right after a rotation, conmon had no reason to open a new file.
    const files = readdirSync(join(root, 'workloads', 'flood')).filter((name) => name.startsWith('log'));
    expect(files.length).toBeGreaterThan(0);
    expect(files.length).toBeLessThanOrEqual(2);
    await engine.remove('flood', 0);
  });

  test('an image that lies about a layer is refused, and is not called one that a disk has altered', async () => {
    const { engine, store } = under;
    const layer = await buildLayer(store, [fileEntry('lie', 'x')], { createdBy: 'test' });
    const diffId = `sha256:${'0'.repeat(64)}` as const;
    const image = await assembleImage(store, { layers: [{ ...layer, diffId }], config: {} });
    await engine.ensure(hostile('liar', 'pass', { image: image.digest }));
    expect(await ended(engine, 'liar')).toMatchObject({
      phase: 'failed',
      reason: 'Error',
      message: expect.stringContaining(`not ${diffId}`),
    });
    expect(await store.has(layer.descriptor.digest)).toBe(true);
  });

  test('a workload does not see or reach another one', async () => {
    const { engine } = under;
    const serve = `
import socket, time
s = socket.socket(); s.bind(("127.0.0.1", 9000)); s.listen()
print("ready", flush=True)
time.sleep(600)`;
    await engine.ensure(hostile('victim', serve, { project: 'other' }));
    for await (const line of engine.logs('victim', { follow: true })) if (line.text === 'ready') break;
    const spy = `
import os, socket
s = socket.socket(); s.settimeout(2)
try:
    s.connect(("127.0.0.1", 9000)); print("reached")
except OSError: print("held")
print(len([p for p in os.listdir("/proc") if p.isdigit()]))
print(os.getuid())`;
    await engine.ensure(hostile('spy', spy));
    await ended(engine, 'spy');
    const [reached, processes, uid] = (await linesOf(engine, 'spy')).map((line) => line.text);
    expect(reached).toBe('held');
    expect(Number(processes)).toBeLessThanOrEqual(2);
    const victim = await engine.inspect?.('victim');
    expect(String(victim?.processes[0]?.uid)).not.toBe(uid);
    await engine.remove('victim', 0);
    await engine.remove('spy', 0);
  });
});
