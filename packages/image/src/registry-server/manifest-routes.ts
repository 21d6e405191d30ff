import { rm } from 'node:fs/promises';
import { isDigest, type Digest } from '@galley/api/digest';
import { GalleyError } from '@galley/api/error/galley-error';
import { readManifestFacts, type ManifestFacts } from '../assemble/manifest-facts.ts';
import { manifestType } from '../media-type.ts';
import { reachable } from '../prune/reachable.ts';
import { artifactType, signatureTag, subjectOfTag } from '../referrer/artifact-types.ts';
import { digestOf } from '../digest-of.ts';
import { isTag } from '../registry-client/reference.ts';
import { jsonBytesMax, parseJson } from '../small-json.ts';
import { bytes, empty, refuse, type ServerAnswer, type ServerRequest } from './answer.ts';
import { tagName, type ServerContext } from './server-context.ts';

/** HEAD, GET, PUT and DELETE of a manifest, by tag or digest. */
export async function answerManifest(
  context: ServerContext,
  request: ServerRequest,
  repository: string,
  reference: string,
): Promise<ServerAnswer> {
  if (!isDigest(reference) && !isTag(reference)) {
    return refuse(
      reference.includes(':') ? 400 : 404,
      reference.includes(':') ? 'DIGEST_INVALID' : 'MANIFEST_UNKNOWN',
      'This is neither a tag nor a digest.',
    );
  }
  switch (request.method) {
    case 'GET':
    case 'HEAD':
      return readManifest(context, request, repository, reference);
    case 'PUT':
      return putManifest(context, request, repository, reference);
    case 'DELETE':
      return deleteManifest(context, repository, reference);
    default:
      return refuse(
        405,
        'UNSUPPORTED',
        'A manifest is read with GET, written with PUT, and deleted with DELETE.',
      );
  }
}

async function findTag(
  { store }: ServerContext,
  repository: string,
  tag: string,
): Promise<Digest | undefined> {
  const name = tagName(repository, tag);
  return (await store.roots()).findLast((root) => root.name === name)?.digest;
}

/** The digest behind a reference, in this repository; a digest is in every one. */
async function find(
  context: ServerContext,
  repository: string,
  reference: string,
): Promise<Digest | undefined> {
  if (isDigest(reference)) return (await context.store.has(reference)) ? reference : undefined;
  const tagged = await findTag(context, repository, reference);
  const subject = tagged === undefined ? subjectOfTag(reference) : undefined;
  if (subject === undefined || signatureTag(subject) !== reference) return tagged;
  // A signature that came as a referrer, asked for by the tag that older tools know.
  const referrers = await context.store.referrers(subject);
  return referrers.findLast((one) => one.artifactType === artifactType.signature)?.digest;
}

async function readManifest(
  context: ServerContext,
  request: ServerRequest,
  repository: string,
  reference: string,
): Promise<ServerAnswer> {
  const unknown = refuse(404, 'MANIFEST_UNKNOWN', `There is no manifest ${repository}:${reference}.`);
  const digest = await find(context, repository, reference);
  if (digest === undefined) return unknown;
  let content: Buffer;
  try {
    content = await context.store.readBytes(digest);
  } catch (error) {
    // A layer asked for as a manifest is too large to be one.
    if (error instanceof GalleyError && (error.code === 'IMAGE_INVALID' || error.code === 'BLOB_MISSING'))
      return unknown;
    throw error;
  }
  const type = manifestType(parseJson(content));
  if (type === undefined) return unknown;
  const answer = bytes(200, content, {
    'content-type': type,
    'docker-content-digest': digest,
    etag: `"${digest}"`,
  });
  return request.method === 'HEAD' ? { status: 200, headers: answer.headers } : answer;
}

async function putManifest(
  context: ServerContext,
  request: ServerRequest,
  repository: string,
  reference: string,
): Promise<ServerAnswer> {
  const content = await readBody(request);
  if (content === undefined)
    return refuse(413, 'SIZE_INVALID', `A manifest has at most ${jsonBytesMax} bytes.`);
  const facts = readFacts(content);
  if (typeof facts === 'string') return refuse(400, 'MANIFEST_INVALID', facts);
  const sent = request.headers['content-type']?.split(';')[0]?.trim();
  if (sent !== undefined && sent !== '' && sent !== facts.mediaType) {
    return refuse(
      400,
      'MANIFEST_INVALID',
      `The Content-Type is ${sent}, but the manifest says ${facts.mediaType}.`,
    );
  }
  const digest = digestOf(content);
  if (isDigest(reference) && reference !== digest) {
    return refuse(400, 'DIGEST_INVALID', `The manifest is ${digest}, not ${reference}.`);
  }
  const missing = await findMissing(context, facts);
  if (missing !== undefined) {
    return refuse(
      404,
      'MANIFEST_BLOB_UNKNOWN',
      `The manifest names ${missing}, which is not here; push it first.`,
    );
  }
  const tags = isDigest(reference) ? request.query.getAll('tag') : [reference];
  if (!tags.every(isTag)) return refuse(400, 'MANIFEST_INVALID', 'One of the tags is none.');
  // Older tools say by the tag alone whose signature it is.
  await context.store.putManifest(
    content,
    tags.map(subjectOfTag).find((subject) => subject !== undefined),
  );
  for (const tag of tags) await context.store.tag(tagName(repository, tag), digest);
  return empty(201, {
    location: `/v2/${repository}/manifests/${digest}`,
    'docker-content-digest': digest,
    ...(facts.subject === undefined ? {} : { 'oci-subject': facts.subject }),
    ...(isDigest(reference) && tags.length > 0 ? { 'oci-tag': tags.join(', ') } : {}),
  });
}

function readFacts(content: Buffer): ManifestFacts | string {
  const value = parseJson(content);
  if (value === undefined) return 'The manifest is not JSON.';
  try {
    return readManifestFacts(value);
  } catch (error) {
    if (error instanceof GalleyError) return error.message;
    throw error;
  }
}

/** A subject may come later (distribution-spec, "Pushing Manifests with Subject"); everything else must be here. */
async function findMissing({ store }: ServerContext, facts: ManifestFacts): Promise<Digest | undefined> {
  for (const { digest } of [...facts.blobs, ...facts.manifests]) {
    if (!(await store.has(digest))) return digest;
  }
  return undefined;
}

async function readBody(request: ServerRequest): Promise<Buffer | undefined> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const piece of request.body) {
    const chunk = piece as Buffer; // a request without an encoding gives buffers
    size += chunk.byteLength;
    // Read to its end all the same: a client that is still sending would not see the answer.
    if (size <= jsonBytesMax) chunks.push(chunk);
  }
  return size <= jsonBytesMax ? Buffer.concat(chunks) : undefined;
}

/** A tag goes; a digest goes with all tags of this repository, and its bytes too once nothing else leads to them. */
async function deleteManifest(
  context: ServerContext,
  repository: string,
  reference: string,
): Promise<ServerAnswer> {
  const { store } = context;
  const digest = await find(context, repository, reference);
  if (digest === undefined)
    return refuse(404, 'MANIFEST_UNKNOWN', `There is no manifest ${repository}:${reference}.`);
  if (!isDigest(reference)) {
    if ((await findTag(context, repository, reference)) === undefined)
      return refuse(405, 'UNSUPPORTED', `These signatures have no tag here; delete ${digest}.`);
    await store.untag(tagName(repository, reference));
    return empty(202);
  }
  if ((await context.inUse()).has(digest)) return refuse(403, 'DENIED', `${digest} is in use.`);
  for (const { name, digest: tagged } of await store.roots()) {
    if (tagged === digest && name?.startsWith(`${repository}:`) === true) await store.untag(name);
  }
  await store.detach(digest);
  // Its blobs wait for `galley image prune`; a manifest that answers after it was deleted would be a lie.
  await store.exclusive(async () => {
    if (!(await reachable(store, await context.inUse())).has(digest))
      await rm(store.blobPath(digest), { force: true });
  });
  return empty(202);
}
