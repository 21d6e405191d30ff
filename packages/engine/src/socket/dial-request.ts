import { Agent, request, type IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';
import { GalleyError } from '@galley/api/error/galley-error';
import type { Engine } from '../engine.ts';

export interface DialRequest {
  readonly path: string;
  /** JSON: makes it a POST. */
  readonly body?: string;
  /** From the first byte that is sent to the last that comes. */
  readonly timeoutMs: number;
  /** Of the answer's body. */
  readonly bytesMax: number;
  readonly signal?: AbortSignal;
}

export interface DialAnswer {
  readonly status: number;
  readonly body: Buffer;
}

/**
 * One HTTP request to a port of a workload, on a connection of its own. What answers is hostile: it is bounded in size and time. Throws
 * `DIAL_REFUSED` when nothing listens, and `REPLICA_FAILED` when the answer is late, too long or no HTTP.
 */
export async function dialRequest(
  engine: Pick<Engine, 'dial'>,
  workload: string,
  port: number | 'admin',
  options: DialRequest,
): Promise<DialAnswer> {
  const connection = await engine.dial(workload, port);
  const timeout = AbortSignal.timeout(options.timeoutMs);
  const signal = options.signal === undefined ? timeout : AbortSignal.any([timeout, options.signal]);
  try {
    const response = await send(connection, options, signal);
    const body = await readBody(response, options.bytesMax);
    if (body === undefined) {
      const problem = `answers ${options.path} with more than ${options.bytesMax} bytes`;
      throw new GalleyError('REPLICA_FAILED', `Replica ${workload} ${problem}.`, {
        hint: 'galley logs NAME',
      });
    }
    return { status: response.statusCode ?? 0, body };
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

function send(
  connection: Duplex,
  { path, body }: DialRequest,
  signal: AbortSignal,
): Promise<IncomingMessage> {
  return new Promise((resolve, reject) => {
    // An agent of its own: a pool would keep the connection, which belongs to this one request.
    const agent = new Agent({ keepAlive: false });
    agent.createConnection = () => connection;
    const method = body === undefined ? 'GET' : 'POST';
    const headers = {
      connection: 'close',
      ...(body === undefined ? {} : { 'content-type': 'application/json' }),
    };
    const sent = request({ agent, method, path, host: 'replica', headers, signal });
    sent.once('response', resolve);
    sent.once('error', reject);
    sent.end(body);
  });
}

/** Undefined: it is longer. */
async function readBody(response: IncomingMessage, bytesMax: number): Promise<Buffer | undefined> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of response) {
    // Without an encoding a response yields buffers.
    const piece = chunk as Buffer;
    bytes += piece.length;
    if (bytes > bytesMax) return undefined;
    chunks.push(piece);
  }
  return Buffer.concat(chunks);
}
