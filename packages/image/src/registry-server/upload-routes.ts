import { isDigest, type Digest } from '@galley/api/digest';
import { GalleyError } from '@galley/api/error/galley-error';
import { empty, refuse, type ServerAnswer, type ServerRequest } from './answer.ts';
import type { ServerContext } from './server-context.ts';
import type { Upload } from './upload-table.ts';

/** POST: an upload, a whole blob at once (`digest`), or a mount (`mount`). */
export async function beginUpload(
  context: ServerContext,
  request: ServerRequest,
  repository: string,
): Promise<ServerAnswer> {
  if (request.method !== 'POST') return refuse(405, 'UNSUPPORTED', 'An upload begins with POST.');
  const algorithm = request.query.get('digest-algorithm') ?? 'sha256';
  if (algorithm !== 'sha256')
    return refuse(400, 'UNSUPPORTED', 'Blobs are stored under sha256 digests only.');
  const mount = request.query.get('mount');
  if (mount !== null && isDigest(mount) && (await context.store.has(mount)))
    return created(repository, mount);
  const upload = await context.uploads.begin(repository);
  if (upload === undefined) {
    return refuse(429, 'TOOMANYREQUESTS', 'Too many uploads are under way.', { 'retry-after': '5' });
  }
  const digest = request.query.get('digest');
  return digest === null ? progress(202, upload) : close(context, request, upload, digest);
}

/** GET, PATCH, PUT and DELETE of an upload under way. */
export async function answerUpload(
  context: ServerContext,
  request: ServerRequest,
  repository: string,
  id: string,
): Promise<ServerAnswer> {
  const upload = context.uploads.find(repository, id);
  if (upload === undefined) {
    return refuse(404, 'BLOB_UPLOAD_UNKNOWN', 'There is no such upload; begin again with POST.');
  }
  switch (request.method) {
    case 'GET':
      return progress(204, upload);
    case 'DELETE':
      if (upload.busy) return busy();
      await context.uploads.cancel(upload);
      return empty(204);
    case 'PATCH':
      return (await append(context, request, upload)) ?? progress(202, upload);
    case 'PUT':
      return close(context, request, upload, request.query.get('digest') ?? '');
    default:
      return refuse(
        405,
        'UNSUPPORTED',
        'An upload goes on with PATCH, ends with PUT, and is given up with DELETE.',
      );
  }
}

/** Adds the body, at the place that the client believes it is at. Undefined: all of it is there. */
async function append(
  context: ServerContext,
  request: ServerRequest,
  upload: Upload,
): Promise<ServerAnswer | undefined> {
  const { size } = upload.pending;
  const range = request.headers['content-range'];
  if (range !== undefined) {
    const match = /^(?:bytes )?(\d{1,15})-(\d{1,15})(?:\/.*)?$/.exec(range);
    if (match === null) return refuse(400, 'BLOB_UPLOAD_INVALID', 'Content-Range must be FIRST-LAST.');
    const [first, last] = [Number(match[1]), Number(match[2])];
    const length = request.headers['content-length'];
    if (last < first || (length !== undefined && Number(length) !== last - first + 1)) {
      return refuse(400, 'SIZE_INVALID', 'Content-Range and Content-Length disagree.');
    }
    if (first !== size) return progress(416, upload);
  }
  switch (await context.uploads.append(upload, request.body)) {
    case 'ok':
      return undefined;
    case 'busy':
      return busy();
    case 'too-large':
      return refuse(413, 'SIZE_INVALID', 'The blob is too large.');
    case 'broken-off':
      return refuse(400, 'BLOB_UPLOAD_INVALID', 'The body broke off.');
  }
}

/** The end of an upload: what the body still holds, then the digest is checked and the blob exists. */
async function close(
  context: ServerContext,
  request: ServerRequest,
  upload: Upload,
  digest: string,
): Promise<ServerAnswer> {
  if (upload.busy) return busy();
  if (!isDigest(digest)) {
    await context.uploads.cancel(upload);
    return refuse(400, 'DIGEST_INVALID', 'A digest is sha256: and 64 hexadecimal digits.');
  }
  const problem = await append(context, request, upload);
  if (problem !== undefined) return problem;
  context.uploads.forget(upload);
  try {
    await upload.pending.commit(digest);
  } catch (error) {
    if (!(error instanceof GalleyError) || error.code !== 'DIGEST_MISMATCH') throw error;
    return refuse(400, 'DIGEST_INVALID', error.message);
  }
  return created(upload.repository, digest);
}

function created(repository: string, digest: Digest): ServerAnswer {
  return empty(201, { location: `/v2/${repository}/blobs/${digest}`, 'docker-content-digest': digest });
}

function busy(): ServerAnswer {
  return refuse(409, 'BLOB_UPLOAD_INVALID', 'Another request is writing to this upload.');
}

/** Where the upload is and how far: `Range: 0-LAST`, which for nothing at all is `0-0` as in distribution. */
function progress(status: number, upload: Upload): ServerAnswer {
  const { repository, id, pending } = upload;
  return empty(status, {
    location: `/v2/${repository}/blobs/uploads/${id}`,
    range: `0-${Math.max(0, pending.size - 1)}`,
    'docker-upload-uuid': id,
  });
}
