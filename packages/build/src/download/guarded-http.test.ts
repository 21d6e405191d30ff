import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { request } from 'undici';
import { checkPublic, openGuardedHttp } from './guarded-http.ts';

let server: Server;
let port: number;
beforeAll(async () => {
  server = createServer((incoming, response) => {
    if (incoming.url === '/away')
      response.writeHead(302, { location: `http://inner.example.org:${port}/` }).end();
    else response.end('here');
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  port = (server.address() as AddressInfo).port;
});
afterAll(() => {
  server.closeAllConnections();
  server.close();
});

const none = (): Promise<readonly string[]> => Promise.resolve([]);
const resolve = (): Promise<readonly string[]> => Promise.resolve(['127.0.0.1']);

describe('an address that a repository names', () => {
  it.each([
    'http://127.0.0.1/',
    'http://[::1]/',
    'http://169.254.169.254/latest',
    'https://inner.example.org/x.whl',
  ])('is refused when it is %s', async (url) => {
    await expect(checkPublic(url, { privateHosts: none, resolve }, {})).rejects.toMatchObject({
      code: 'EGRESS_DENIED',
    });
  });

  it('is asked when it is public, whatever its port', async () => {
    const open = { privateHosts: none, resolve: () => Promise.resolve(['1.1.1.1']) };
    await checkPublic('https://example.org:8443/x', open, {});
    await checkPublic('https://1.1.1.1/x', open, {});
  });

  it('is reached by whatever name when the operator lists its address, and by none otherwise, also after a redirect', async () => {
    const listed = (): Promise<readonly string[]> => Promise.resolve([`127.0.0.1:${port}`]);
    const http = openGuardedHttp({ privateHosts: listed, resolve }, {}, {});
    try {
      const answer = await request(`http://127.0.0.1:${port}/`, { dispatcher: http });
      expect(await answer.body.text()).toBe('here');
      const away = await request(`http://127.0.0.1:${port}/away`, { dispatcher: http });
      expect(await away.body.text()).toBe('here');
      const closed = openGuardedHttp({ privateHosts: none, resolve }, {}, {});
      const refused = request(`http://inner.example.org:${port}/`, { dispatcher: closed });
      await expect(refused).rejects.toMatchObject({ code: 'EGRESS_DENIED' });
      await closed.close();
    } finally {
      await http.close();
    }
  });
});
