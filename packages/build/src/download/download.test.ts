import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { mkdtemp, readFile, readdir, rm } from 'node:fs/promises';
import { createServer, type RequestListener, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { downloadAll, type DownloadAllOptions } from './download-all.ts';
import type { KnownFile } from './download-file.ts';

let folder: string;
let server: Server;
let answer: RequestListener;
let base: string;
const requests: string[] = [];
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'galley-download-'));
  requests.length = 0;
  server = createServer((request, response) => {
    requests.push(`${request.url} ${request.headers.authorization ?? ''}`.trim());
    answer(request, response);
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  base = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
});
afterEach(async () => {
  server.closeAllConnections();
  server.close();
  await rm(folder, { recursive: true, force: true });
});

const content = Buffer.alloc(300_000, 'wheel');
const sha256 = createHash('sha256').update(content).digest('hex');
const file = (...paths: readonly string[]): KnownFile => ({
  name: 'a.whl',
  urls: paths.map((path) => (path.startsWith('http') ? path : `${base}${path}`)),
  sha256,
  size: content.length,
  path: join(folder, 'kept', sha256, 'a.whl'),
});
const options = (): DownloadAllOptions => ({
  emit: () => undefined,
  object: 'build/x',
  phase: 'lock',
  temporaryDir: folder,
});

describe('fetching files whose hash is known', () => {
  it('keeps what hashes right and does not ask for it again', async () => {
    answer = (_, response) => response.end(content);
    const first = await downloadAll([file('/a')], options());
    const second = await downloadAll([file('/a')], options());
    expect([first.fetchedBytes, second.fetchedBytes, requests.length]).toEqual([content.length, 0, 1]);
    expect(content.equals(await readFile(file('/a').path))).toBe(true);
  });

  it.each([
    ['other bytes of the same length', Buffer.alloc(content.length, 'other')],
    ['more bytes than the lock says', Buffer.concat([content, content])],
    ['fewer bytes than the lock says', content.subarray(1)],
  ])('keeps nothing of %s', async (_, bytes) => {
    answer = (_request, response) => response.end(bytes);
    await expect(downloadAll([file('/a')], options())).rejects.toMatchObject({ code: 'HASH_MISMATCH' });
    const names = await readdir(folder, { recursive: true });
    expect(names.filter((name) => !['kept', `kept/${sha256}`].includes(name))).toEqual([]);
  });

  it('goes on to the next address when one does not have the file, and says when none has it', async () => {
    answer = (request, response) =>
      request.url === '/there' ? response.end(content) : response.writeHead(404).end();
    const gone = await downloadAll([{ ...file('/gone'), path: join(folder, 'kept', 'b') }], options());
    const found = await downloadAll([file('/gone', '/there')], options());
    expect([gone.missing.length, found.missing.length]).toEqual([1, 0]);
  });

  it('asks a busy server again', async () => {
    answer = (_, response) => (requests.length < 3 ? response.writeHead(503).end() : response.end(content));
    expect((await downloadAll([file('/a')], options())).missing).toEqual([]);
  });

  it('sends the credentials of an address, and shows them in no error', async () => {
    answer = (_, response) => response.writeHead(403).end();
    const url = base.replace('http://', 'http://user:hush@');
    const error: unknown = await downloadAll([file(`${url}/a`)], options()).catch(
      (caught: unknown) => caught,
    );
    expect(String(error)).toContain('403');
    expect(String(error)).not.toContain('hush');
    expect(requests[0]).toBe(`/a Basic ${Buffer.from('user:hush').toString('base64')}`);
  });

  it('does not take credentials to another host', async () => {
    const elsewhere = createServer((request, response) => {
      requests.push(`elsewhere ${request.headers.authorization ?? 'none'}`);
      response.end(content);
    }).listen(0, '127.0.0.2');
    await once(elsewhere, 'listening');
    const location = `http://127.0.0.2:${(elsewhere.address() as AddressInfo).port}/a`;
    answer = (_, response) => response.writeHead(302, { location }).end();
    await downloadAll([file(`${base.replace('http://', 'http://user:hush@')}/a`)], options());
    elsewhere.closeAllConnections();
    elsewhere.close();
    expect(requests).toContain('elsewhere none');
  });
});
