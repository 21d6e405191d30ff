import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { postOutcome } from './callback.ts';

let server: Server;
let address: string;
const heard: { readonly body: unknown; readonly authorization: string | undefined }[] = [];

beforeAll(async () => {
  server = createServer((request, response) => {
    void text(request).then((body) => {
      heard.push({ body: JSON.parse(body), authorization: request.headers.authorization });
      response.writeHead(request.url === '/refuses' ? 403 : 204).end();
    });
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  // A server that listens on TCP has a port.
  address = `127.0.0.1:${(server.address() as AddressInfo).port}`;
});
afterAll(() => void server.close());

const { signal } = new AbortController();

test('the outcome is posted as source-to-image posts it, and credentials of the address go into a header', async () => {
  const outcome = { success: true, labels: { a: 'b' } };
  expect(await postOutcome(`http://user:password@${address}/hook`, outcome, signal)).toBeUndefined();
  expect(heard.at(-1)).toEqual({
    body: outcome,
    authorization: `Basic ${Buffer.from('user:password').toString('base64')}`,
  });
});

test('a listener that refuses, or is not there, is a sentence and no error', async () => {
  const outcome = { success: false, labels: {} };
  expect(await postOutcome(`http://${address}/refuses`, outcome, signal)).toMatch(/answered 403/);
  const problem = await postOutcome('http://user:password@127.0.0.1:1/', outcome, signal);
  expect(problem).toMatch(/cannot be told/);
  expect(problem).not.toContain('password');
});
