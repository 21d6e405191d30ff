import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { fetchScripts, parseScriptUrl } from './script-url.ts';

let server: Server;
let address: string;
const answers: Record<string, [number, string]> = {
  '/good/assemble': [200, '#!/bin/sh\n'],
  '/good/run': [201, 'run'],
  '/good/usage': [403, 'no'],
  '/large/assemble': [200, 'x'.repeat((1 << 20) + 1)],
};

beforeAll(async () => {
  server = createServer((request, response) => {
    const [status, body] = answers[request.url ?? ''] ?? [404, 'none'];
    response
      .writeHead(status)
      .end(request.headers.authorization === undefined ? body : request.headers.authorization);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  address = `127.0.0.1:${(server.address() as AddressInfo).port}`;
});
afterAll(() => void server.close());

const { signal } = new AbortController();

test.each([
  ['image:///usr/libexec/s2i/', { kind: 'image', path: '/usr/libexec/s2i' }],
  ['file:///a%20b', { kind: 'folder', path: '/a b' }],
  ['file://scripts', { kind: 'folder', path: '/here/scripts' }],
  ['scripts', { kind: 'folder', path: '/here/scripts' }],
  ['https://host/x/', { kind: 'http', url: 'https://host/x' }],
])('%s is a place for scripts', (text, place) => {
  expect(parseScriptUrl(text, '/here')).toEqual(place);
});

test.each(['', 'image://relative', 'ftp://host/x', 'ssh://host/x'])('%j is none', (text) => {
  expect(() => parseScriptUrl(text, '/')).toThrow(/no place for scripts/);
});

test('scripts come over HTTP one by one: what is not there is left out, none at all is an error', async () => {
  const found = await fetchScripts({ kind: 'http', url: `http://${address}/good` }, signal);
  expect(Object.fromEntries([...found].map(([name, content]) => [name, content.toString()]))).toEqual({
    assemble: '#!/bin/sh\n',
    run: 'run',
  });
  const none = fetchScripts({ kind: 'http', url: `http://user:password@${address}/none` }, signal);
  await expect(none).rejects.toMatchObject({ code: 'BUILDER_INVALID' });
  await expect(none).rejects.not.toThrow(/password/);
  await expect(fetchScripts({ kind: 'http', url: `http://${address}/large` }, signal)).rejects.toThrow(
    /more than/,
  );
  await expect(fetchScripts({ kind: 'folder', path: '/nowhere' }, signal)).rejects.toThrow(
    /none of the scripts/,
  );
});

test('credentials of the address are sent and not shown', async () => {
  const found = await fetchScripts({ kind: 'http', url: `http://user:password@${address}/good` }, signal);
  expect(found.get('assemble')?.toString()).toBe(`Basic ${Buffer.from('user:password').toString('base64')}`);
});
