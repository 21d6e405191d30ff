import type { ClientRequest, IncomingMessage } from 'node:http';
import { bodyIsComing } from './end-answer.ts';

/** A body that says it is no larger is read before a replica hears of it: a model's request has some kilobytes. */
const aheadBytesMax = 64 * 1024;
/** And how long it may take to come. */
const aheadMsMax = 30_000;
/** Bytes of a body in one second, and how many seconds in a row there may be fewer, while a replica waits for it. */
const slowBytes = 16 * 1024;
const slowSecondsMax = 10;

/** Whether all of the body is waited for before a connection to a replica is taken. */
export function isReadAhead(request: IncomingMessage): boolean {
  const length = Number(request.headers['content-length'] ?? 0);
  return length > 0 && length <= aheadBytesMax && request.headers['transfer-encoding'] === undefined;
}

/** The whole body, or `tooSlow`; nothing is called when the client goes away before. */
export function readAhead(
  request: IncomingMessage,
  ready: (body: Buffer) => void,
  tooSlow: () => void,
): void {
  const chunks: Buffer[] = [];
  const gather = (chunk: Buffer): void => void chunks.push(chunk);
  const end = (): void => ready(Buffer.concat(chunks));
  const limit = setTimeout(() => {
    request.off('data', gather).off('end', end);
    tooSlow();
  }, aheadMsMax);
  limit.unref();
  request.on('data', gather).once('end', end);
  request.once('close', () => clearTimeout(limit));
}

/**
 * Hands a body on to a replica, whose connections are few: `tooSlow` is called when the client hardly sends for so long, while the replica would
 * take more. A replica that takes its time is not the client's fault.
 */
export function streamBody(request: IncomingMessage, sent: ClientRequest, tooSlow: () => void): void {
  let bytes = 0;
  let slowSeconds = 0;
  const look = setInterval(() => {
    slowSeconds = bytes < slowBytes && !sent.writableNeedDrain ? slowSeconds + 1 : 0;
    bytes = 0;
    if (!bodyIsComing(request) || sent.destroyed) clearInterval(look);
    else if (slowSeconds >= slowSecondsMax) {
      clearInterval(look);
      tooSlow();
    }
  }, 1000);
  look.unref();
  sent.once('close', () => clearInterval(look));
  request.on('data', (chunk: Buffer) => (bytes += chunk.length));
  request.pipe(sent);
}
