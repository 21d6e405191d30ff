import { createReadStream } from 'node:fs';
import { Readable } from 'node:stream';
import { GalleyError } from '@galley/api/error/galley-error';
import type { Descriptor } from '../descriptor.ts';
import type { ImageStore } from '../store.ts';
import { answerInvalid, isPassing } from './answer-error.ts';
import { waitMs } from './back-off.ts';
import { textHeader, type RegistryAnswer } from './exchange.ts';
import { pullScope, pushScope } from './manifest-exchange.ts';
import { locationOf } from './redirect.ts';
import type { Registry } from './registry.ts';

/** How a blob came to be in the registry. */
export type BlobOutcome = 'known' | 'mounted' | 'uploaded';

export interface PushBlob {
  readonly registry: Registry;
  readonly repository: string;
  readonly descriptor: Descriptor;
  /** Another repository of the same registry that has it, as far as we know. */
  readonly from?: string | undefined;
  /** Bytes of one piece; undefined: one piece for all, which every registry takes. */
  readonly chunkBytes?: number | undefined;
  readonly onBytes: (bytes: number) => void;
}

/** Blobs up to here go in one request with the end of the upload. */
const monolithicMax = 1 << 20;

/** Uploads that a registry forgets (404) are begun again this often. */
const sessionsMax = 3;

/**
 * Sends one blob unless the registry has it: HEAD, then a mount from another repository, then an upload that goes on where a broken
 * connection left it (distribution-spec, "Pushing blobs"). Throws `BLOB_MISSING`, `REGISTRY_*`.
 */
export async function pushBlob(store: ImageStore, push: PushBlob): Promise<BlobOutcome> {
  if (await isKnown(push)) return 'known';
  for (let session = 1; ; session += 1) {
    const begun = await begin(push);
    if (begun === undefined) return 'mounted';
    await requireBlob(store, push);
    if (await upload(store, push, begun)) return 'uploaded';
    if (session === sessionsMax) {
      throw answerInvalid(
        push.registry.name,
        `forgot the upload of ${push.descriptor.digest} ${sessionsMax} times`,
      );
    }
  }
}

/** Asked only for what must be sent: a registry may have what the store lacks. */
async function requireBlob(store: ImageStore, { repository, descriptor }: PushBlob): Promise<void> {
  const { digest } = descriptor;
  if (await store.has(digest)) return;
  throw new GalleyError('BLOB_MISSING', `${repository} lacks ${digest}, and so does the store.`, {
    hint: 'Build or pull the image again.',
    details: { digest },
  });
}

async function isKnown({ registry, repository, descriptor }: PushBlob): Promise<boolean> {
  const answer = await registry.send({
    method: 'HEAD',
    path: `${repository}/blobs/${descriptor.digest}`,
    what: `the blob ${descriptor.digest} of ${repository}`,
    scopes: [pushScope(repository)],
    accept: [200, 404],
  });
  await answer.body.dump();
  if (answer.status === 404) return false;
  const length = textHeader(answer.headers, 'content-length');
  if (length === undefined || Number(length) === descriptor.size) return true;
  throw answerInvalid(
    registry.name,
    `has ${descriptor.digest} with ${length} bytes instead of ${descriptor.size}`,
  );
}

interface Session {
  readonly location: URL;
  /** Bytes that a piece must have at least, but for the last one (`OCI-Chunk-Min-Length`). */
  readonly chunkMin: number;
}

/** Where to upload; undefined: the registry took it from the other repository. */
async function begin(push: PushBlob): Promise<Session | undefined> {
  const { registry, repository, descriptor, from } = push;
  const query =
    from === undefined || from === repository
      ? ''
      : `?mount=${descriptor.digest}&from=${encodeURIComponent(from)}`;
  const answer = await registry.send({
    method: 'POST',
    path: `${repository}/blobs/uploads/${query}`,
    what: `an upload to ${repository}`,
    scopes: query === '' ? [pushScope(repository)] : [pushScope(repository), pullScope(from ?? repository)],
    headers: { 'content-length': '0' },
    accept: query === '' ? [202] : [201, 202],
  });
  await answer.body.dump();
  // 202 to a mount is a polite no: it is an upload like any other.
  if (answer.status === 201) return undefined;
  const least = Number(textHeader(answer.headers, 'oci-chunk-min-length') ?? 0);
  return {
    location: locationOf(registry.name, answer.url, textHeader(answer.headers, 'location')),
    chunkMin: Number.isSafeInteger(least) ? least : 0,
  };
}

/** False: the registry has forgotten the session. */
async function upload(store: ImageStore, push: PushBlob, session: Session): Promise<boolean> {
  const { descriptor, registry } = push;
  if (descriptor.size <= Math.min(monolithicMax, push.chunkBytes ?? monolithicMax)) {
    return finish(store, push, session.location, true);
  }
  const { pace, signal } = registry;
  let at: Position = { location: session.location, offset: 0, again: false };
  let failures = 0;
  let chunkBytes = Math.max(push.chunkBytes ?? Number.POSITIVE_INFINITY, session.chunkMin);
  while (at.offset < descriptor.size) {
    const sent = await sendPiece(store, push, at, chunkBytes);
    if (sent.kind === 'forgotten') return false;
    if (sent.kind === 'too-large') {
      // Something in front of the registry limits bodies; the usual limits are 100 MB and up, ours is well below.
      chunkBytes = Math.min(chunkBytes, 64 << 20) / 4;
      if (chunkBytes < Math.max(session.chunkMin, 1 << 20)) throw sent.error;
      continue;
    }
    const before = at.offset;
    at = { location: sent.location, offset: sent.offset, again: sent.again };
    if (at.offset > before) {
      failures = 0;
      continue;
    }
    failures += 1;
    if (failures >= pace.attempts)
      throw sent.error ?? answerInvalid(registry.name, `takes no byte of ${descriptor.digest}`);
    await pace.sleep(waitMs(pace, failures, undefined), signal);
  }
  return finish(store, push, at.location, false);
}

interface Position {
  readonly location: URL;
  readonly offset: number;
  /** An earlier piece went wrong: bytes of it may still be on their way, so the next one must say where it belongs. */
  readonly again: boolean;
}

type Piece =
  | (Position & { readonly kind: 'at'; readonly error?: Error })
  | { readonly kind: 'forgotten' }
  | { readonly kind: 'too-large'; readonly error: Error };

/** One PATCH; whatever happens to it, the registry is asked how far it got. */
async function sendPiece(
  store: ImageStore,
  push: PushBlob,
  at: Position,
  chunkBytes: number,
): Promise<Piece> {
  const { registry, repository, descriptor, onBytes } = push;
  const end = Math.min(descriptor.size, at.offset + chunkBytes);
  let told = 0;
  // What a broken connection left in buffers must not be counted after it was counted back.
  let isSending = true;
  const whole = at.offset === 0 && end === descriptor.size && !at.again;
  try {
    const answer = await registry.send({
      method: 'PATCH',
      path: at.location,
      what: `the upload of ${descriptor.digest} to ${repository}`,
      scopes: [pushScope(repository)],
      headers: {
        'content-type': 'application/octet-stream',
        'content-length': String(end - at.offset),
        // Without a range it is the streamed upload that every registry knows; with one, a piece of many.
        ...(whole ? {} : { 'content-range': `${at.offset}-${end - 1}` }),
      },
      body: () =>
        Readable.from(
          counted(store.blobPath(descriptor.digest), { start: at.offset, end: end - 1 }, (bytes) => {
            if (!isSending) return;
            told += bytes;
            onBytes(bytes);
          }),
          { objectMode: false },
        ),
      accept: [202, 404, 409, 413, 416],
      repeat: false,
    });
    isSending = false;
    await answer.body.dump();
    if (answer.status === 404) {
      onBytes(-at.offset - told);
      return { kind: 'forgotten' };
    }
    if (answer.status === 202) {
      // A body that was sent again, after a challenge or to another address, counts once.
      onBytes(end - at.offset - told);
      return accepted(push, answer, at, end);
    }
    if (answer.status === 413) {
      onBytes(-told);
      return {
        kind: 'too-large',
        error: answerInvalid(registry.name, `takes no piece of ${end - at.offset} bytes`),
      };
    }
    return await whereWasI(push, at, told);
  } catch (error) {
    isSending = false;
    registry.signal?.throwIfAborted();
    if (!(error instanceof Error) || !isPassing(error)) throw error;
    const known = await whereWasI(push, at, told);
    return known.kind === 'at' ? { ...known, error } : known;
  }
}

/**
 * A part of a file, counted as it is taken. Not by a `data` listener: that makes a stream flow before the connection is there, and what flows
 * then is lost in the middle of the upload.
 */
async function* counted(
  path: string,
  part: { readonly start: number; readonly end: number },
  onBytes: (bytes: number) => void,
): AsyncGenerator<Buffer> {
  for await (const piece of createReadStream(path, { ...part, highWaterMark: 1 << 18 })) {
    const chunk = piece as Buffer; // without an encoding a read stream gives buffers
    onBytes(chunk.byteLength);
    yield chunk;
  }
}

function accepted(push: PushBlob, answer: RegistryAnswer, at: Position, end: number): Piece {
  const { registry, descriptor } = push;
  const next = textHeader(answer.headers, 'location');
  const location = next === undefined ? at.location : locationOf(registry.name, answer.url, next);
  const last = rangeEnd(answer);
  if (last !== undefined && last + 1 !== end) {
    throw answerInvalid(
      registry.name,
      `has ${last + 1} bytes of the upload of ${descriptor.digest} after ${end} were sent`,
    );
  }
  return { kind: 'at', location, offset: end, again: at.again };
}

/** Asks how much of an upload has arrived (distribution-spec, end-13), and puts the count of bytes right: `told` of them were sent since `at`. */
async function whereWasI(push: PushBlob, at: Position, told: number): Promise<Piece> {
  const { registry, repository, descriptor, onBytes } = push;
  const answer = await registry.send({
    method: 'GET',
    path: at.location,
    what: `the state of an upload to ${repository}`,
    scopes: [pushScope(repository)],
    accept: [204, 404],
  });
  await answer.body.dump();
  if (answer.status === 404) {
    onBytes(-at.offset - told);
    return { kind: 'forgotten' };
  }
  const next = textHeader(answer.headers, 'location');
  const location = next === undefined ? at.location : locationOf(registry.name, answer.url, next);
  // Without a range nothing has arrived; `0-0` says the same of an empty upload in distribution.
  const last = rangeEnd(answer);
  const offset = last === undefined || last === 0 ? 0 : last + 1;
  if (offset > descriptor.size)
    throw answerInvalid(registry.name, `has more of ${descriptor.digest} than there is`);
  onBytes(offset - at.offset - told);
  return { kind: 'at', location, offset, again: true };
}

function rangeEnd(answer: RegistryAnswer): number | undefined {
  const match = /^(?:bytes=)?0-(\d{1,15})$/.exec(textHeader(answer.headers, 'range') ?? '');
  return match === null ? undefined : Number(match[1]);
}

/** The closing PUT, with the whole blob in it or with nothing. False: the session is forgotten. */
async function finish(store: ImageStore, push: PushBlob, location: URL, withBody: boolean): Promise<boolean> {
  const { registry, repository, descriptor, onBytes } = push;
  const path = new URL(location);
  path.searchParams.set('digest', descriptor.digest);
  const answer = await registry.send({
    method: 'PUT',
    path,
    what: `the upload of ${descriptor.digest} to ${repository}`,
    scopes: [pushScope(repository)],
    headers: {
      'content-type': 'application/octet-stream',
      'content-length': String(withBody ? descriptor.size : 0),
    },
    // Large blobs are put together and hashed before the answer comes.
    answerWithinMs: 600_000,
    ...(withBody ? { body: () => createReadStream(store.blobPath(descriptor.digest)) } : {}),
    accept: [201, 204, 404],
  });
  await answer.body.dump();
  if (answer.status === 404) return false;
  const claimed = textHeader(answer.headers, 'docker-content-digest');
  if (claimed !== undefined && claimed.startsWith('sha256:') && claimed !== descriptor.digest) {
    throw answerInvalid(registry.name, `stored ${claimed} where ${descriptor.digest} was sent`);
  }
  if (withBody) onBytes(descriptor.size);
  return true;
}
