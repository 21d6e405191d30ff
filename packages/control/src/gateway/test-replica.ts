import { chmod } from 'node:fs/promises';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';

/** A real HTTP server on a Unix socket, as a replica is one; what it answers is the test's. */
export interface TestReplica {
  readonly id: string;
  readonly socket: string;
  /** Requests that reached it. */
  readonly seen: string[];
  close(): Promise<void>;
}

/** Listens until closed. Default: answers its own name and the body that it was sent. */
export async function startReplica(
  folder: string,
  id: string,
  handle: (request: IncomingMessage, response: ServerResponse) => void = echo(id),
): Promise<TestReplica> {
  const seen: string[] = [];
  const server: Server = createServer((request, response) => {
    seen.push(`${request.method} ${request.url}`);
    handle(request, response);
  });
  const socket = `${folder}/${id}.sock`;
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(socket, resolve);
  });
  // As the runtime does it: the directory is the guard, not the socket.
  await chmod(socket, 0o666);
  return {
    id,
    socket,
    seen,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

function echo(id: string): (request: IncomingMessage, response: ServerResponse) => void {
  return (request, response) => {
    response.writeHead(200, {
      'x-replica': id,
      'set-cookie': 'a=b',
      connection: 'keep-alive, x-hop',
      'x-hop': '1',
    });
    request.pipe(response);
  };
}
