import type { IncomingMessage, ServerResponse } from 'node:http';
import type { ErrorCode } from '@galley/api/error/codes';
import { bodyIsComing, endAnswer } from './end-answer.ts';

/** An answer of the gateway itself, in the shape in which services answer errors (docs/design/wire.md). */
export interface Refusal {
  readonly status: number;
  /** One that docs/errors.md explains: of Galley's own, or of those that services answer with. */
  readonly code: ErrorCode | 'BAD_REQUEST' | 'NOT_FOUND' | 'TIMED_OUT' | 'TOO_LARGE';
  readonly error: string;
  readonly hint?: string;
  readonly retryAfterSeconds?: number;
}

/** The body of a refusal: what V2 clients read, and our code and hint. */
export function refusalText(refusal: Refusal): string {
  const { error, code, hint } = refusal;
  return `${JSON.stringify({ error, code, hint })}\n`;
}

/** Sends a refusal, unless an answer has begun: then only cutting the connection tells the client the truth. */
export function refuse(request: IncomingMessage, response: ServerResponse, refusal: Refusal): void {
  if (response.headersSent) {
    response.destroy();
    return;
  }
  const { status, retryAfterSeconds } = refusal;
  const text = refusalText(refusal);
  response.writeHead(status, {
    'content-type': 'application/json',
    'content-length': Buffer.byteLength(text),
    ...(retryAfterSeconds === undefined ? {} : { 'retry-after': String(retryAfterSeconds) }),
    ...(bodyIsComing(request) ? { connection: 'close' } : {}),
  });
  response.write(text);
  endAnswer(request, response);
}
