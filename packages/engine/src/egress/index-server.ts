import { createHash } from 'node:crypto';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { GalleyError } from '@galley/api/error/galley-error';
import type { FetchedFile } from '../engine.ts';
import { normaliseProject, type IndexFile } from './index-files.ts';
import { renderHtml, renderJson, simpleJson } from './index-page.ts';
import type { IndexUpstream } from './index-upstream.ts';

export interface IndexServerOptions {
  readonly upstream: () => Promise<IndexUpstream>;
  /** False: this workload may not use the index. */
  readonly wanted: () => boolean;
  /** Called when a file was handed over whole. */
  readonly onFetched: (file: FetchedFile) => void;
}

const connectionsMax = 128;

/**
 * The read-only package index of a workload (DESIGN.md §4): `/simple/NAME/` and `/files/NAME/FILE`. Only files that a page
 * of the index names can be fetched, so it is no way to anywhere else. Not listening yet.
 */
export function createIndexServer(options: IndexServerOptions): Server {
  const server = createServer((incoming, response) => {
    answer(incoming, response, options).catch((error: unknown) => {
      if (response.headersSent) return response.destroy();
      const message = error instanceof GalleyError ? error.message : 'The package index failed.';
      plain(response, 502, message);
    });
  });
  server.maxConnections = connectionsMax;
  return server;
}

async function answer(
  incoming: IncomingMessage,
  response: ServerResponse,
  options: IndexServerOptions,
): Promise<void> {
  if (incoming.method !== 'GET' && incoming.method !== 'HEAD') {
    return plain(response, 405, 'This index is read-only.');
  }
  if (!options.wanted()) return plain(response, 403, 'This workload may not use the package index.');
  const path = (incoming.url ?? '').split('?', 1)[0] ?? '';
  const [, area, name = '', filename, ...rest] = path.split('/');
  const project = normaliseProject(name);
  if (project === undefined || rest.length > 0) return plain(response, 404, 'There is no such page.');
  if (area === 'simple' && (filename === undefined || filename === '')) {
    if (filename === undefined || project !== name) {
      response.writeHead(301, { location: `/simple/${project}/` }).end();
      return;
    }
    return page(incoming, response, project, await options.upstream());
  }
  if (area === 'files' && filename !== undefined) {
    if (incoming.method === 'HEAD') return plain(response, 405, 'Ask for files with GET.');
    return file(response, project, decodeURIComponent(filename), options);
  }
  return plain(response, 404, 'There is no such page.');
}

async function page(
  incoming: IncomingMessage,
  response: ServerResponse,
  project: string,
  upstream: IndexUpstream,
): Promise<void> {
  const files = await upstream.files(project);
  if (files === undefined) return plain(response, 404, `No package index knows ${project}.`);
  const json = (incoming.headers.accept ?? '').includes(simpleJson);
  const body = json ? renderJson(project, files) : renderHtml(project, files);
  response.writeHead(200, {
    'content-type': json ? simpleJson : 'text/html; charset=utf-8',
    'content-length': Buffer.byteLength(body),
  });
  response.end(incoming.method === 'HEAD' ? undefined : body);
}

async function file(
  response: ServerResponse,
  project: string,
  name: string,
  options: IndexServerOptions,
): Promise<void> {
  const upstream = await options.upstream();
  const files = await upstream.files(project);
  const whole = files?.find((candidate) => candidate.filename === name);
  const described = files?.find((candidate) => `${candidate.filename}.metadata` === name);
  const found = whole ?? described;
  if (found === undefined) return plain(response, 404, `${project} has no file ${name}.`);
  const opened = await upstream.open(found, whole === undefined ? '.metadata' : '');
  const length = opened.headers['content-length'];
  response.writeHead(200, {
    'content-type': 'application/octet-stream',
    ...(typeof length === 'string' ? { 'content-length': length } : {}),
  });
  const { sha256, bytes } = await copy(opened.body, response);
  const expected = expectedHash(found, whole !== undefined);
  if (expected !== undefined && expected !== sha256) {
    // The installer must not take it for whole; it compares the hash itself too.
    response.destroy();
    return;
  }
  response.end();
  if (whole !== undefined) options.onFetched({ project, filename: name, sha256, bytes });
}

function expectedHash(found: IndexFile, whole: boolean): string | undefined {
  if (whole) return found.hashes['sha256'];
  return typeof found.metadata === 'object' ? found.metadata['sha256'] : undefined;
}

/** Copies and hashes, at the reader's pace. Throws when the reader goes away. */
async function copy(
  body: AsyncIterable<Uint8Array>,
  response: ServerResponse,
): Promise<{ sha256: string; bytes: number }> {
  const hash = createHash('sha256');
  let bytes = 0;
  for await (const chunk of body) {
    hash.update(chunk);
    bytes += chunk.byteLength;
    if (response.destroyed) throw new GalleyError('ENGINE_FAILED', 'The reader of the index went away.');
    if (!response.write(chunk)) await drained(response);
  }
  return { sha256: hash.digest('hex'), bytes };
}

function drained(response: ServerResponse): Promise<void> {
  return new Promise((resolve) => {
    const settle = (): void => {
      response.off('drain', settle).off('close', settle);
      resolve();
    };
    response.on('drain', settle).on('close', settle);
  });
}

function plain(response: ServerResponse, status: number, text: string): void {
  response.writeHead(status, { 'content-type': 'text/plain; charset=utf-8' }).end(`${text}\n`);
}
