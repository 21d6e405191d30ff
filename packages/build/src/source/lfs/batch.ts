import { isObject, type JsonObject } from '@galley/api/json-object';
import { GalleyError } from '@galley/api/error/galley-error';
import type { Dispatcher } from 'undici';
import { guardedRequest, type GuardedOptions } from '../../download/guarded-request.ts';
import { textOf } from '../../workload/read-json.ts';
import type { LfsEndpoint } from './endpoint.ts';
import { parseJson, textRecord } from './json.ts';
import type { LfsPointer } from './pointer.ts';

/** How the content of one object is got. */
export interface LfsAction {
  readonly href: string;
  readonly header: Readonly<Record<string, string>>;
}

const mediaType = 'application/vnd.git-lfs+json';
const answerBytes = 16 * 1024 * 1024;

/**
 * Asks the batch API (git-lfs, docs/api/batch.md) where objects are: an action, or in words why there is none. Throws `LFS_POINTER`,
 * `SOURCE_UNAUTHORIZED`, `SOURCE_UNREACHABLE`, `SOURCE_REFUSED`.
 */
export async function askBatch(
  pointers: readonly LfsPointer[],
  endpoint: LfsEndpoint & { kind: 'http' },
  options: GuardedOptions,
): Promise<ReadonlyMap<string, LfsAction | string>> {
  const url = `${endpoint.url}/objects/batch`;
  const response = await askLfs(url, {
    ...options,
    method: 'POST',
    headers: { ...endpoint.headers, accept: mediaType, 'content-type': mediaType },
    body: JSON.stringify({
      operation: 'download',
      transfers: ['basic'],
      objects: pointers.map(({ oid, size }) => ({ oid, size })),
      hash_algo: 'sha256',
    }),
  });
  if (response.statusCode !== 200) {
    await response.body.dump();
    throw statusError(response.statusCode, url, pointers[0]?.path ?? '');
  }
  const answer = parseJson(await readCapped(response.body));
  const objects: unknown = isObject(answer) ? answer['objects'] : undefined;
  const listed = Array.isArray(objects) ? objects.filter(isObject) : [];
  return new Map(listed.map((object) => [textOf(object['oid']), readAction(object)]));
}

function readAction(object: JsonObject): LfsAction | string {
  const actions = isObject(object['actions']) ? object['actions'] : {};
  const action = isObject(actions['download']) ? actions['download'] : {};
  const href = textOf(action['href']);
  if (URL.canParse(href)) return { href, header: textRecord(action['header']) };
  const error = isObject(object['error']) ? textOf(object['error']['message']) : '';
  return error === '' ? 'the server does not say where it is' : `the server says: ${error.slice(0, 200)}`;
}

/** A request whose failure is told in the words of a person who waits for a repository. */
export async function askLfs(url: string, options: GuardedOptions): Promise<Dispatcher.ResponseData> {
  try {
    return await guardedRequest(url, options);
  } catch (cause) {
    options.signal?.throwIfAborted();
    if (cause instanceof GalleyError) throw cause;
    throw new GalleyError('SOURCE_UNREACHABLE', `Git LFS at ${new URL(url).host} could not be reached.`, {
      hint: 'Check the network and the proxy settings of this machine, then try again.',
      details: { host: new URL(url).host },
      cause,
    });
  }
}

/** `LFS_POINTER` for one file: what stands in its place is no content, and nobody has it. */
export function lfsAbsent(path: string, why: string): GalleyError {
  return new GalleyError(
    'LFS_POINTER',
    `${path} is a Git LFS pointer, and its content cannot be had: ${why}.`,
    {
      hint: 'Push it (git lfs push --all origin), build a clone in which git lfs pull was run, or keep the file outside Git LFS.',
      details: { path },
    },
  );
}

function statusError(status: number, url: string, path: string): GalleyError {
  if (status !== 401 && status !== 403) return lfsAbsent(path, `the server answers ${status} at ${url}`);
  return new GalleyError('SOURCE_UNAUTHORIZED', `Git LFS at ${new URL(url).host} does not let us in.`, {
    hint: 'Store a token that may read it: galley secret set NAME, then deploy with --git-secret NAME.',
    details: { url, path },
  });
}

async function readCapped(body: AsyncIterable<Buffer>): Promise<string> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of body) {
    size += chunk.length;
    if (size > answerBytes) return '';
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString('utf8');
}
