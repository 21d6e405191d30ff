import { createServer, type AddressInfo, type Socket } from 'node:net';
import { pipeline } from 'node:stream';
import { GalleyError } from '@galley/api/error/galley-error';
import type { Engine } from '@galley/engine/engine';

/** An address of this machine that leads to a port of a workload. */
export interface Forwarder {
  readonly port: number;
  /** Ends it with every connection. */
  close(): Promise<void>;
}

const connectionsMax = 256;

/** Listens on 127.0.0.1 (port 0: any free one) and hands every connection on. Throws `PORT_IN_USE`. */
export async function forwardPort(
  engine: Pick<Engine, 'dial'>,
  { id, inside, port }: { readonly id: string; readonly inside: number; readonly port: number },
): Promise<Forwarder> {
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket);
    socket.on('close', () => sockets.delete(socket));
    // Whoever hangs up early is no error of ours.
    socket.on('error', () => socket.destroy());
    engine.dial(id, inside).then(
      (outside) => {
        const end = (): void => {
          socket.destroy();
          outside.destroy();
        };
        pipeline(socket, outside, end);
        pipeline(outside, socket, end);
      },
      () => socket.destroy(),
    );
  });
  server.maxConnections = connectionsMax;
  await new Promise<void>((resolve, reject) => {
    server.once('error', (error: NodeJS.ErrnoException) => reject(portInUse(error, port)));
    server.listen(port, '127.0.0.1', resolve);
  });
  return {
    // Listening on a port has an address with a port.
    port: (server.address() as AddressInfo).port,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        for (const socket of sockets) socket.destroy();
      }),
  };
}

function portInUse(error: NodeJS.ErrnoException, port: number): Error {
  if (error.code !== 'EADDRINUSE' && error.code !== 'EACCES') return error;
  return new GalleyError('PORT_IN_USE', `Port ${port} of 127.0.0.1 cannot be taken.`, {
    hint: 'Leave --port out, and a free one is taken.',
    details: { port },
    cause: error,
  });
}
