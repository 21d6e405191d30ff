import { createReadStream } from 'node:fs';
import { rm, stat } from 'node:fs/promises';
import { isDigest, type Digest } from '@galley/api/digest';
import { empty, refuse, type ServerAnswer, type ServerRequest } from './answer.ts';
import { parseByteRange } from './byte-range.ts';
import { reachable } from '../prune/reachable.ts';
import type { ServerContext } from './server-context.ts';

/** HEAD, GET and DELETE of a blob. */
export async function answerBlob(
  context: ServerContext,
  request: ServerRequest,
  name: string,
): Promise<ServerAnswer> {
  if (!isDigest(name)) return refuse(400, 'DIGEST_INVALID', 'A digest is sha256: and 64 hexadecimal digits.');
  const path = context.store.blobPath(name);
  const found = (await context.store.has(name)) ? await stat(path).catch(() => undefined) : undefined;
  if (found === undefined) return refuse(404, 'BLOB_UNKNOWN', `There is no blob ${name}.`);
  if (request.method === 'DELETE') return deleteBlob(context, name);
  if (request.method !== 'GET' && request.method !== 'HEAD') {
    return refuse(405, 'UNSUPPORTED', 'A blob is read or deleted here, and written at blobs/uploads/.');
  }
  const headers = {
    'content-type': 'application/octet-stream',
    'docker-content-digest': name,
    'accept-ranges': 'bytes',
    etag: `"${name}"`,
    'cache-control': 'max-age=31536000, immutable',
  };
  const range = request.method === 'GET' ? parseByteRange(request.headers['range'], found.size) : undefined;
  if (range === 'unsatisfiable') {
    return refuse(416, 'SIZE_INVALID', `${name} has ${found.size} bytes.`, {
      'content-range': `bytes */${found.size}`,
    });
  }
  if (range === undefined) {
    return {
      status: 200,
      headers: { ...headers, 'content-length': String(found.size) },
      ...(request.method === 'GET' ? { body: () => createReadStream(path, { highWaterMark: 1 << 18 }) } : {}),
    };
  }
  return {
    status: 206,
    headers: {
      ...headers,
      'content-length': String(range.end - range.start + 1),
      'content-range': `bytes ${range.start}-${range.end}/${found.size}`,
    },
    body: () => createReadStream(path, { ...range, highWaterMark: 1 << 18 }),
  };
}

/** Only what nothing needs: all repositories share the blobs. */
async function deleteBlob(context: ServerContext, digest: Digest): Promise<ServerAnswer> {
  const { store } = context;
  const isGone = await store.exclusive(async () => {
    if ((await reachable(store, await context.inUse())).has(digest)) return false;
    await rm(store.blobPath(digest), { force: true });
    return true;
  });
  if (!isGone) {
    return refuse(403, 'DENIED', `${digest} belongs to an image that is still there; delete its tags first.`);
  }
  return empty(202);
}
