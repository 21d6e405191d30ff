import type { IncomingMessage, ServerResponse } from 'node:http';

/** How long a client may go on sending a body that nobody wants any more (nginx: lingering_time and lingering_timeout). */
export interface Patience {
  readonly allMs: number;
  /** Without a byte. */
  readonly pauseMs: number;
}

const patience: Patience = { allMs: 30_000, pauseMs: 5000 };

/**
 * Ends an answer of which every byte was written. When it comes before the request's body has, the rest of the body is thrown away
 * first: to close on bytes that nobody read resets the connection, which destroys the answer on its way (RFC 9112 §9.6), and most
 * clients send everything before they look at what came back.
 */
export function endAnswer(request: IncomingMessage, response: ServerResponse, limits = patience): void {
  if (request.complete || request.destroyed) {
    response.end();
    return;
  }
  const end = (): void => {
    clearTimeout(all);
    clearTimeout(pause);
    request.off('data', onData).off('end', end).off('close', end);
    response.end();
  };
  const all = setTimeout(end, limits.allMs);
  const pause = setTimeout(end, limits.pauseMs);
  const onData = (): void => void pause.refresh();
  request.unpipe();
  request.on('data', onData).once('end', end).once('close', end);
  request.resume();
}
