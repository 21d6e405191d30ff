import { Agent, request, type IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';
import { GalleyError } from '@galley/api/error/galley-error';
import type { Engine } from '@galley/engine/engine';

export interface DialRequest {
  readonly path: string;
  readonly timeoutMs: number;
  readonly bytesMax: number;
  readonly signal?: AbortSignal;
}

export interface DialAnswer {
  readonly status: number;
  readonly body: Buffer;
}

/**
 * One GET to a port of a workload, on a connection of its own. Throws `DIAL_REFUSED` when nothing listens, and
 * `REPLICA_FAILED` when the answer is late, too long or no HTTP.
 */
export async function dialRequest(
  engine: Engine,
  workload: string,
  port: number | 'admin',
  options: DialRequest,
): Promise<DialAnswer> {
  const connection = await engine.dial(workload, port);
  const timeout = AbortSignal.timeout(options.timeoutMs);
  const signal = options.signal === undefined ? timeout : AbortSignal.any([timeout, options.signal]);
  try {
    const response = await send(connection, options.path, signal);
    return { status: response.statusCode ?? 0, body: await readBody(response, options.bytesMax) };
  } catch (error) {
    if (options.signal?.aborted === true || error instanceof GalleyError) throw error;
    const why = timeout.aborted ? `did not answer within ${options.timeoutMs} ms` : 'broke off';
    throw new GalleyError('REPLICA_FAILED', `Replica ${workload} ${why} when asked for ${options.path}.`, {
      hint: `galley status`,
      cause: error,
    });
  } finally {
    connection.destroy();
  }
}

function send(connection: Duplex, path: string, signal: AbortSignal): Promise<IncomingMessage> {
  return new Promise((resolve, reject) => {
    // An agent of its own: a pool would keep the connection, which belongs to this one request.
    const agent = new Agent({ keepAlive: false });
    agent.createConnection = () => connection;
    const sent = request({ agent, path, host: 'replica', headers: { connection: 'close' }, signal });
    sent.once('response', resolve);
    sent.once('error', reject);
    sent.end();
  });
}

async function readBody(response: IncomingMessage, bytesMax: number): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of response) {
    // Without an encoding a response yields buffers.
    const piece = chunk as Buffer;
    bytes += piece.length;
    if (bytes > bytesMax) throw new Error(`the answer has more than ${bytesMax} bytes`);
    chunks.push(piece);
  }
  return Buffer.concat(chunks);
}
