import type { IncomingMessage, ServerResponse } from 'node:http';

/** How long a client may go on sending a body that nobody wants any more, and how long without a byte (nginx: lingering_time and lingering_timeout). */
const allMs = 30_000;
const pauseMs = 5000;

/** The rest of the request's body has yet to come. While its head is handled even a request without one is not `complete`. */
export function bodyIsComing(request: IncomingMessage): boolean {
  const { 'content-length': length = '0', 'transfer-encoding': coding } = request.headers;
  return !request.complete && (length !== '0' || coding !== undefined);
}

/**
 * Ends an answer of which every byte was written. When it comes before the request's body has, the rest of the body is thrown away
 * first: to close on bytes that nobody read resets the connection, which destroys the answer on its way (RFC 9112 §9.6), and most
 * clients send everything before they look at what came back.
 */
export function endAnswer(request: IncomingMessage, response: ServerResponse): void {
  if (!bodyIsComing(request) || request.destroyed) {
    response.end();
    return;
  }
  const end = (): void => {
    clearTimeout(all);
    clearTimeout(pause);
    request.off('data', onData).off('end', end).off('close', end);
    response.end();
  };
  const all = setTimeout(end, allMs);
  const pause = setTimeout(end, pauseMs);
  const onData = (): void => void pause.refresh();
  request.unpipe();
  request.on('data', onData).once('end', end).once('close', end);
  request.resume();
}
