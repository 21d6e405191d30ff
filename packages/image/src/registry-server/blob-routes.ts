import { createReadStream } from 'node:fs';
import { stat } from 'node:fs/promises';
import { isDigest, type Digest } from '@galley/api/digest';
import { empty, refuse, type ServerAnswer, type ServerRequest } from './answer.ts';
import { parseByteRange } from './byte-range.ts';
import { liveLeases } from '../lease/lease.ts';
import { cutoffOf, removeUntouched } from '../prune/prune-store.ts';
import { reachable } from '../prune/reachable.ts';
import type { ServerContext } from './server-context.ts';
import { uploadsPurpose } from './upload-table.ts';

/** HEAD, GET and DELETE of a blob. */
export async function answerBlob(
  context: ServerContext,
  request: ServerRequest,
  name: string,
): Promise<ServerAnswer> {
  if (!isDigest(name)) return refuse(400, 'DIGEST_INVALID', 'A digest is sha256: and 64 hexadecimal digits.');
  // Before it is looked for, which marks it as used.
  if (request.method === 'DELETE') return deleteBlob(context, name);
  const path = context.store.blobPath(name);
  const found = (await context.store.has(name)) ? await stat(path).catch(() => undefined) : undefined;
  if (found === undefined) return unknown(name);
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

function unknown(digest: Digest): ServerAnswer {
  return refuse(404, 'BLOB_UNKNOWN', `There is no blob ${digest}.`);
}

/** Only what nothing needs, and nobody has found who is still at work: all repositories share the blobs, and builds do too. */
async function deleteBlob({ store, inUse }: ServerContext, digest: Digest): Promise<ServerAnswer> {
  return store.exclusive(async () => {
    if ((await stat(store.blobPath(digest)).catch(() => undefined))?.isFile() !== true)
      return unknown(digest);
    if ((await reachable(store, await inUse())).has(digest)) {
      return refuse(
        403,
        'DENIED',
        `${digest} belongs to an image that is still there; delete its tags first.`,
      );
    }
    // Not those of pushes: who deletes through the registry has pushed through it, and an hour of its lease would be long.
    const leases = (await liveLeases(store.root, Date.now())).filter(
      ({ isHeld, purpose }) => isHeld && purpose !== uploadsPurpose,
    );
    const cutoffMs = leases.length === 0 ? Number.POSITIVE_INFINITY : cutoffOf(leases, Date.now());
    if (await removeUntouched(store, digest, cutoffMs)) return empty(202);
    const who = leases.map(({ purpose, pid }) => `${purpose}, process ${pid}`).join('; ');
    return refuse(403, 'DENIED', `${digest} may be needed by who is at work now (${who}); try again later.`);
  });
}
