import type { ServerResponse } from 'node:http';
import type { Duplex } from 'node:stream';
import { refusalText, type Refusal } from './refusal.ts';

/** By Node's code; anything else is no HTTP. */
const known: Readonly<Record<string, Refusal & { readonly reason: string }>> = {
  HPE_HEADER_OVERFLOW: {
    status: 431,
    reason: 'Request Header Fields Too Large',
    code: 'TOO_LARGE',
    error: 'The headers of the request are larger than 16 KiB.',
  },
  HPE_INVALID_EOF_STATE: {
    status: 400,
    reason: 'Bad Request',
    code: 'BAD_REQUEST',
    error: 'The request ends before it is complete.',
    hint: 'Send all that was announced.',
  },
  ERR_HTTP_REQUEST_TIMEOUT: {
    status: 408,
    reason: 'Request Timeout',
    code: 'TIMED_OUT',
    error: 'The request did not arrive in time.',
  },
};

const noHttp: Refusal & { readonly reason: string } = {
  status: 400,
  reason: 'Bad Request',
  code: 'BAD_REQUEST',
  error: 'This is no HTTP request that can be read in one way only.',
  hint: 'Use an HTTP/1.1 client.',
};

/** For so long the client may go on sending before the connection is cut. */
const lingerMs = 2000;

/**
 * Answers what Node's parser gave up on, in the shape of every other refusal, and closes. `latest`: the latest answer of this
 * connection, if there is one; between its first byte and its last nothing else can be said.
 */
export function refuseBroken(error: Error, socket: Duplex, latest: ServerResponse | undefined): void {
  const code = 'code' in error && typeof error.code === 'string' ? error.code : '';
  // What still arrives after a refusal is broken again; it is thrown away, so that the refusal is not lost with the connection.
  if (socket.writableEnded) return;
  const underWay = latest !== undefined && latest.headersSent && !latest.writableEnded;
  if (code === 'ECONNRESET' || !socket.writable || underWay) {
    socket.destroy();
    return;
  }
  const refusal = known[code] ?? noHttp;
  const text = refusalText(refusal);
  const lines = [
    `HTTP/1.1 ${refusal.status} ${refusal.reason}`,
    'Content-Type: application/json',
    `Content-Length: ${Buffer.byteLength(text)}`,
    'Connection: close',
  ];
  const cut = setTimeout(() => socket.destroy(), lingerMs);
  socket.once('close', () => clearTimeout(cut));
  socket.end(`${lines.join('\r\n')}\r\n\r\n${text}`, () => {
    // With a client that has ended its side nobody would close this one.
    if (socket.readableEnded) socket.destroy();
    else socket.once('end', () => socket.destroy());
  });
}
