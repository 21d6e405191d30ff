import type { FastifyInstance } from 'fastify';
import { Writable, type Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { isDigest } from '@galley/api/digest';
import { GalleyError } from '@galley/api/error/galley-error';
import type { ApiContext } from './api-context.ts';
import { endpointRoute, param } from './endpoint-route.ts';
import { refuse } from './validate.ts';

/** Most bytes of an upload: a repository of code and notebooks (docs/design/wire.md). */
export const uploadBytesMax = 1024 ** 3;

/** Takes the tar of a directory, piece by piece into the store, hashed again here: the digest in the path is a claim. */
export function uploadRoute(app: FastifyInstance, context: ApiContext): void {
  for (const type of ['application/x-tar', 'application/octet-stream']) {
    // Handed on as a stream: nothing of an upload is held in memory.
    app.addContentTypeParser(type, (_request, payload, done) => done(null, payload));
  }
  endpointRoute(app, 'upload', async (call) => {
    const digest = param(call, 'digest');
    if (!isDigest(digest)) {
      refuse([{ field: 'digest', problem: 'must be sha256: and 64 hexadecimal digits' }], 'This upload');
      return { digest };
    }
    const stream = uploadStream(call.body);
    if (await context.images.has(digest)) {
      // Known already: the bytes are still read to their end, or the client would see a broken connection.
      await pipeline(bounded(stream, digest), new Writable({ write: (_chunk, _encoding, done) => done() }));
      return { digest };
    }
    const hangUp = new AbortController();
    call.request.raw.on('aborted', () => hangUp.abort());
    await context.images.write(bounded(stream, digest), {
      mediaType: 'application/x-tar',
      expect: digest,
      signal: hangUp.signal,
    });
    return { digest };
  });
}

function uploadStream(body: unknown): Readable {
  if (typeof body === 'object' && body !== null && 'pipe' in body) {
    // The parser above hands on Node's own request stream.
    return body as Readable;
  }
  refuse([{ field: 'Content-Type', problem: 'must be application/x-tar' }], 'This upload');
  throw new Error('refuse let an upload through');
}

async function* bounded(source: Readable, digest: string): AsyncGenerator<Uint8Array> {
  let bytes = 0;
  for await (const chunk of source) {
    // A request without an encoding yields buffers.
    const piece = chunk as Buffer;
    bytes += piece.length;
    if (bytes > uploadBytesMax) {
      throw new GalleyError(
        'UPLOAD_TOO_LARGE',
        `The upload ${digest} has more than ${uploadBytesMax} bytes.`,
        {
          hint: 'Keep large files back with .gitignore.',
        },
      );
    }
    yield piece;
  }
}
