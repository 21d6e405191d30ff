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

const resolve = (): Promise<readonly string[]> => Promise.resolve(['127.0.0.1']);

describe('an address that a repository names', () => {
  it.each([
    'http://127.0.0.1/',
    'http://[::1]/',
    'http://169.254.169.254/latest',
    'https://inner.example.org/x.whl',
  ])('is refused when it is %s', async (url) => {
    await expect(checkPublic(url, { allowedHosts: [], resolve })).rejects.toMatchObject({
      code: 'EGRESS_DENIED',
    });
  });

  it('is public by name, whatever its port', async () => {
    const found = checkPublic('https://example.org:8443/x', {
      allowedHosts: [],
      resolve: () => Promise.resolve(['1.1.1.1']),
    });
    expect(await found).toEqual(['1.1.1.1']);
  });

  it('is reached by whatever name when its literal address was allowed, and by none otherwise, also after a redirect', async () => {
    const http = openGuardedHttp({ allowedHosts: [`127.0.0.1:${port}`], resolve }, {});
    try {
      const answer = await request(`http://127.0.0.1:${port}/`, { dispatcher: http });
      expect(await answer.body.text()).toBe('here');
      const away = await request(`http://127.0.0.1:${port}/away`, { dispatcher: http });
      expect(await away.body.text()).toBe('here');
      const closed = openGuardedHttp({ allowedHosts: [], resolve }, {});
      const refused = request(`http://inner.example.org:${port}/`, { dispatcher: closed });
      await expect(refused).rejects.toMatchObject({ code: 'EGRESS_DENIED' });
      await closed.close();
    } finally {
      await http.close();
    }
  });
});
