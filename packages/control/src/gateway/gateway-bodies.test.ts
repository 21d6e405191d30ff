import { once } from 'node:events';
import { chmod, mkdir, mkdtemp, rm } from 'node:fs/promises';
import { connect, createServer, type Server, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { Traffic } from '../traffic/traffic.ts';

/** What becomes of bodies that are too large, cut off or no HTTP: by hand over sockets, since a client library would mend what goes wrong. */
let root: string;
let traffic: Traffic;
let port: number;
let replica: Server;
let dropped = 0;
let waiting = 0;

const refusal = '{"error":"The body is too large.","code":"TOO_LARGE"}';
const hundredMegabytes = 100_000_000;

beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), 'galley-gwb-'));
  await chmod(root, 0o711);
  const folder = join(root, 'gateway');
  await mkdir(folder, { mode: 0o755 });
  traffic = new Traffic({ folder, port: 0 });
  port = (await traffic.ensureGateway()).port;
  // As the runtime does it: says no as soon as it has the head, ends its side, reads on for a while and closes.
  replica = createServer({ allowHalfOpen: true }, (socket) => {
    let bytes = 0;
    socket.on('error', () => undefined);
    socket.on('end', () => socket.destroy());
    socket.on('close', () => (dropped += 1));
    socket.once('data', (head) => {
      if (head.includes('/patient')) {
        waiting += 1;
        return;
      }
      const lines = ['HTTP/1.1 413 Content Too Large', 'Content-Type: application/json', 'Connection: close'];
      socket.end(`${lines.join('\r\n')}\r\nContent-Length: ${refusal.length}\r\n\r\n${refusal}`);
    });
    socket.on('data', (chunk) => {
      bytes += chunk.length;
      // More than the gateway passes on in one turn (libuv: 32 times 64 KiB): it looks at our answer only between two.
      if (bytes > 8_000_000) socket.destroy();
    });
  });
  const socket = join(root, 'one.sock');
  replica.listen(socket);
  await once(replica, 'listening');
  await chmod(socket, 0o666);
  await traffic.setRoute('default', 'iris', { revision: 'uid', targets: [{ id: 'one', socket }] });
});

afterAll(async () => {
  await traffic.stop();
  replica.close();
  await rm(root, { recursive: true });
});

async function open(): Promise<Socket> {
  const socket = connect({ port, host: '127.0.0.1', allowHalfOpen: true });
  await once(socket, 'connect');
  return socket;
}

/** Everything that comes until the other side ends. */
async function readAll(socket: Socket): Promise<string> {
  let text = '';
  for await (const chunk of socket) text += String(chunk);
  return text;
}

const head = (more: string, path = '/apps/default/iris/invocations'): string =>
  `POST ${path} HTTP/1.1\r\nHost: localhost\r\n${more}\r\n\r\n`;

async function sendAll(socket: Socket, bytes: number): Promise<void> {
  const piece = Buffer.alloc(1_000_000, 0x20);
  for (let sent = 0; sent < bytes; sent += piece.length) {
    if (!socket.write(piece)) await once(socket, 'drain');
  }
}

test('a client that sends all of 100 MB before it reads is told that this was too much', async () => {
  const socket = await open();
  socket.pause();
  socket.write(head(`Content-Length: ${hundredMegabytes}`));
  await sendAll(socket, hundredMegabytes);
  const answer = await readAll(socket);
  expect(answer).toMatch(/^HTTP\/1\.1 413 [^]*connection: close[^]*TOO_LARGE"\}$/i);
});

test('a client that looks up from sending finds the answer before its body is out', async () => {
  const socket = await open();
  socket.write(head('Transfer-Encoding: chunked'));
  socket.write('5\r\n12345\r\n');
  const [first] = (await once(socket, 'data')) as [Buffer];
  expect(first.toString()).toMatch(/^HTTP\/1\.1 413 /);
  socket.write('0\r\n\r\n');
  await readAll(socket);
});

test('also what the gateway itself refuses reaches a client that is still sending', async () => {
  const socket = await open();
  socket.pause();
  socket.write(head(`Content-Length: ${hundredMegabytes}`, '/apps/default/rose/'));
  await sendAll(socket, hundredMegabytes);
  socket.end();
  expect(await readAll(socket)).toMatch(/^HTTP\/1\.1 404 [^]*There is no application rose/);
});

test('a body that is cut off in the middle is let go at the replica, and the client hears why', async () => {
  const before = dropped;
  const socket = await open();
  socket.write(head('Content-Length: 1000000', '/apps/default/iris/patient'));
  socket.write('{"instances": [');
  await expect.poll(() => waiting).toBe(1);
  socket.end();
  const answer = await readAll(socket);
  expect(answer).toMatch(/^HTTP\/1\.1 400 [^]*\r\n\r\n\{"error":".*ends before.*","code":"BAD_REQUEST"/);
  await expect.poll(() => dropped).toBe(before + 1);
});

test.each([
  ['what is no HTTP', 'hello\r\n\r\n', 400, 'BAD_REQUEST'],
  ['a head without end', `GET / HTTP/1.1\r\nX: ${'y'.repeat(40_000)}\r\n`, 431, 'TOO_LARGE'],
])('%s is refused in the shape of every other refusal', async (_, bytes, status, code) => {
  const socket = await open();
  socket.write(bytes);
  const answer = await readAll(socket);
  expect(answer).toMatch(new RegExp(`^HTTP/1\\.1 ${status} `));
  expect(answer).toContain(`"code":"${code}"`);
});

test('a refusal of a request without a body leaves the connection open, and what is no HTTP on it then is refused as well', async () => {
  const socket = await open();
  socket.write('GET /apps/default/rose/ HTTP/1.1\r\nHost: localhost\r\n\r\n');
  const [first] = (await once(socket, 'data')) as [Buffer];
  expect(first.toString()).toMatch(/^HTTP\/1\.1 404 [^]*Connection: keep-alive/);
  socket.write('hello\r\n\r\n');
  expect(await readAll(socket)).toMatch(/^HTTP\/1\.1 400 [^]*"code":"BAD_REQUEST"/);
});

test("clients that never send the rest of a small body hold none of the replica's connections", async () => {
  const before = waiting;
  const slow = await Promise.all(Array.from({ length: 150 }, open));
  try {
    for (const socket of slow) {
      socket.write(head('Content-Length: 1000', '/apps/default/iris/patient'));
      socket.write('{"instances": [');
    }
    const socket = await open();
    socket.write(head('Content-Length: 2'));
    socket.write('{}');
    const [answer] = (await once(socket, 'data')) as [Buffer];
    expect(answer.toString()).toMatch(/^HTTP\/1\.1 413 /);
    socket.destroy();
    expect(waiting).toBe(before);
  } finally {
    for (const socket of slow) socket.destroy();
  }
});

test.skipIf(process.env['GALLEY_TEST_LONG'] !== '1')(
  'a large body that stops coming is given up, and says so (npm run test:long: waits out its ten seconds)',
  async () => {
    const socket = await open();
    socket.write(head('Transfer-Encoding: chunked', '/apps/default/iris/patient'));
    socket.write('5\r\n12345\r\n');
    expect(await readAll(socket)).toMatch(/^HTTP\/1\.1 408 [^]*"code":"TIMED_OUT"/);
  },
);
