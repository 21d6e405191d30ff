import type { IncomingMessage, ServerResponse } from 'node:http';
import { pipeline } from 'node:stream/promises';
import type { ServerAnswer, ServerRequest } from './answer.ts';

/** A request of Node's HTTP server as the registry takes it. */
export function toServerRequest(request: IncomingMessage): ServerRequest {
  const target = request.url ?? '/';
  const mark = target.indexOf('?');
  const headers: Record<string, string | undefined> = {};
  for (const [name, value] of Object.entries(request.headers)) {
    headers[name] = Array.isArray(value) ? value.join(', ') : value;
  }
  return {
    method: request.method ?? 'GET',
    path: mark === -1 ? target : target.slice(0, mark),
    query: new URLSearchParams(mark === -1 ? '' : target.slice(mark + 1)),
    headers,
    body: request,
  };
}

/** Sends an answer. A client that hangs up ends the reading of its blob; what fails in the middle cuts the connection, so that no part is taken for the whole. */
export async function sendAnswer(
  request: IncomingMessage,
  response: ServerResponse,
  answer: ServerAnswer,
): Promise<void> {
  if (response.destroyed) return;
  response.writeHead(answer.status, answer.headers);
  // A refused upload may still be coming in: read to its end, or the client sees a broken connection in place of the answer.
  if (!request.readableEnded) request.resume();
  if (answer.body === undefined || Buffer.isBuffer(answer.body)) {
    response.end(answer.body);
    return;
  }
  try {
    await pipeline(answer.body(), response);
  } catch {
    response.destroy();
  }
}
