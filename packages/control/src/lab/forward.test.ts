import { mkdtemp, rm } from 'node:fs/promises';
import { connect, createServer, type Server, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { once } from 'node:events';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { dialSocket } from '@galley/engine/socket/dial-socket';
import { forwardPort } from './forward.ts';

let folder: string;
let inside: Server;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'galley-forward-'));
  inside = createServer((socket) => {
    socket.on('error', () => undefined);
    socket.on('data', (chunk: Buffer) => socket.write(chunk.toString().toUpperCase()));
  });
  await new Promise<void>((resolve) => inside.listen(join(folder, '8888.sock'), resolve));
});
afterEach(async () => {
  inside.close();
  await rm(folder, { recursive: true });
});

const engine = {
  dial: (_id: string, port: number | 'admin') => dialSocket(join(folder, `${port}.sock`)),
};

async function dialled(port: number): Promise<Socket> {
  const socket = connect(port, '127.0.0.1');
  await once(socket, 'connect');
  return socket;
}

test('what is sent to the port comes out inside, and the answer back', async () => {
  const forwarder = await forwardPort(engine, { id: 'lab', inside: 8888, port: 0 });
  const socket = await dialled(forwarder.port);
  socket.write('hello');
  expect(String((await once(socket, 'data'))[0])).toBe('HELLO');
  // It is cut off, which may look like a reset.
  socket.on('error', () => undefined);
  const closed = new Promise((resolve) => socket.on('close', resolve));
  await forwarder.close();
  await closed;
});

test('where nothing listens inside the connection is closed, and the next one is heard', async () => {
  const forwarder = await forwardPort(engine, { id: 'lab', inside: 9999, port: 0 });
  for (let time = 0; time < 2; time += 1) await once((await dialled(forwarder.port)).resume(), 'close');
  await expect(forwardPort(engine, { id: 'lab', inside: 8888, port: forwarder.port })).rejects.toMatchObject({
    code: 'PORT_IN_USE',
  });
  await forwarder.close();
});
