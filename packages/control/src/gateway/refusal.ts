import type { ServerResponse } from 'node:http';

/** An answer of the gateway itself, in the shape in which services answer errors (docs/design/wire.md). */
export interface Refusal {
  readonly status: number;
  readonly code: string;
  readonly error: string;
  readonly hint?: string;
  readonly retryAfterSeconds?: number;
}

/** Sends a refusal, unless an answer has begun: then only cutting the connection tells the client the truth. */
export function refuse(response: ServerResponse, refusal: Refusal): void {
  if (response.headersSent) {
    response.destroy();
    return;
  }
  const { status, retryAfterSeconds, ...body } = refusal;
  const text = `${JSON.stringify({ error: body.error, code: body.code, hint: body.hint })}\n`;
  response.writeHead(status, {
    'content-type': 'application/json',
    'content-length': Buffer.byteLength(text),
    ...(retryAfterSeconds === undefined ? {} : { 'retry-after': String(retryAfterSeconds) }),
  });
  response.end(text);
}
