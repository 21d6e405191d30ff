import { once } from 'node:events';
import type { FastifyReply } from 'fastify';

/**
 * Answers one JSON value a line until the source ends, the client hangs up or the server closes. The headers leave at
 * once: a watch on something quiet must not look like a server that does not answer. `onError` turns a failure on the
 * way into a last line; without it the connection is cut, so that no client takes the part for the whole.
 */
export async function streamLines<T>(
  reply: FastifyReply,
  closing: AbortSignal,
  source: (signal: AbortSignal) => AsyncIterable<T>,
  onError?: (error: unknown) => unknown,
): Promise<void> {
  const hangUp = new AbortController();
  const signal = AbortSignal.any([closing, hangUp.signal]);
  reply.hijack();
  const { raw } = reply;
  raw.on('close', () => hangUp.abort());
  raw.writeHead(200, { 'content-type': 'application/x-ndjson', 'cache-control': 'no-store' });
  raw.flushHeaders();
  try {
    for await (const value of source(signal)) {
      if (signal.aborted) break;
      if (!raw.write(`${JSON.stringify(value)}\n`)) await once(raw, 'drain', { signal });
    }
    raw.end();
  } catch (error) {
    if (signal.aborted) raw.end();
    else if (onError === undefined) raw.destroy();
    else raw.end(`${JSON.stringify(onError(error))}\n`);
  }
}
