import { readFile } from 'node:fs/promises';
import { EnvHttpProxyAgent, interceptors, request, type Dispatcher } from 'undici';
import { GalleyError } from '@galley/api/error/galley-error';
import type { IndexConfiguration } from './index-configuration.ts';
import { filesOfHtml, filesOfJson, type IndexFile } from './index-files.ts';
import { simpleJson } from './index-page.ts';

const pageBytesMax = 64 * 1024 * 1024;
const pageLifeMs = 10 * 60 * 1000;
const pagesMax = 2_000;
const redirectsMax = 5;
const accept = `${simpleJson}, application/vnd.pypi.simple.v1+html;q=0.2, text/html;q=0.1`;

/** The indexes of this machine. Credentials, certificates and proxies stay here; a workload sees files and hashes. */
export interface IndexUpstream {
  /** The files of a project (normalised name); undefined: no index knows it. Throws `ENGINE_FAILED` when one cannot be reached. */
  files(project: string): Promise<readonly IndexFile[] | undefined>;
  /** The bytes of a file or of its metadata. */
  open(file: IndexFile, suffix: '' | '.metadata'): Promise<Dispatcher.ResponseData>;
  close(): Promise<void>;
}

/** Opens the indexes; nothing is asked yet. */
export async function openIndexUpstream(
  configuration: IndexConfiguration,
  now: () => number,
): Promise<IndexUpstream> {
  const { certificates, urls } = configuration;
  const ca = certificates === undefined ? undefined : await readFile(certificates, 'utf8');
  const agent = new EnvHttpProxyAgent(ca === undefined ? {} : { connect: { ca }, requestTls: { ca } });
  const dispatcher = agent.compose(interceptors.redirect({ maxRedirections: redirectsMax }));
  const pages = new Map<string, { until: number; files: readonly IndexFile[] | undefined }>();

  const fetchPage = async (index: string, project: string): Promise<readonly IndexFile[] | undefined> => {
    const { url, headers } = withoutCredentials(`${index.replace(/\/$/, '')}/${project}/`);
    const answer = await reach(url, { dispatcher, headers: { ...headers, accept } });
    if (answer.statusCode === 404) {
      await answer.body.dump();
      return undefined;
    }
    if (answer.statusCode !== 200) {
      await answer.body.dump();
      throw unreachable(url, `it answered ${answer.statusCode}`);
    }
    const text = await readCapped(answer.body, url);
    const json = String(answer.headers['content-type'] ?? '').includes('json');
    return json ? filesOfJson(JSON.parse(text), url) : filesOfHtml(text, url);
  };

  return {
    async files(project) {
      const cached = pages.get(project);
      if (cached !== undefined && cached.until > now()) return cached.files;
      let files: readonly IndexFile[] | undefined;
      for (const index of urls) {
        files = await fetchPage(index, project);
        if (files !== undefined) break;
      }
      if (pages.size >= pagesMax) pages.clear();
      pages.set(project, { until: now() + pageLifeMs, files });
      return files;
    },
    async open(file, suffix) {
      const { url, headers } = credentialsFor(file.url, urls);
      // The suffix belongs to the path, before a query (PEP 658).
      const target = new URL(url);
      target.pathname += suffix;
      const answer = await reach(target.href, { dispatcher, headers });
      if (answer.statusCode !== 200) {
        await answer.body.dump();
        throw unreachable(target.href, `it answered ${answer.statusCode}`);
      }
      return answer;
    },
    close: () => agent.close(),
  };
}

async function reach(
  url: string,
  options: { dispatcher: Dispatcher; headers: Record<string, string> },
): Promise<Dispatcher.ResponseData> {
  try {
    return await request(url, options);
  } catch (error) {
    throw unreachable(url, 'it cannot be reached', error);
  }
}

/** Without path: it may hold a token. */
function unreachable(url: string, why: string, cause?: unknown): GalleyError {
  return new GalleyError('ENGINE_FAILED', `The package index at ${new URL(url).host} failed: ${why}.`, {
    hint: 'Check the network and the index with: pip config list',
    ...(cause === undefined ? {} : { cause }),
  });
}

async function readCapped(body: AsyncIterable<Uint8Array>, url: string): Promise<string> {
  const chunks: Uint8Array[] = [];
  let bytes = 0;
  for await (const chunk of body) {
    bytes += chunk.byteLength;
    if (bytes > pageBytesMax) throw unreachable(url, 'its page is larger than 64 MiB');
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString('utf8');
}

/** Credentials in a URL become a header; undici, like any client, does not send them otherwise. */
function withoutCredentials(text: string): { url: string; headers: Record<string, string> } {
  const url = new URL(text);
  const { username, password } = url;
  url.username = '';
  url.password = '';
  if (username === '' && password === '') return { url: url.href, headers: {} };
  const pair = `${decodeURIComponent(username)}:${decodeURIComponent(password)}`;
  return { url: url.href, headers: { authorization: `Basic ${Buffer.from(pair).toString('base64')}` } };
}

/** A file on the host of a configured index gets that index's credentials; any other host gets none (engine.md §4). */
function credentialsFor(
  file: string,
  indexes: readonly string[],
): { url: string; headers: Record<string, string> } {
  const plain = withoutCredentials(file);
  const origin = new URL(plain.url).origin;
  const owner = indexes.find((index) => new URL(index).origin === origin);
  const headers = owner === undefined ? {} : withoutCredentials(owner).headers;
  return { url: plain.url, headers };
}
