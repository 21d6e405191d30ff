import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { expect, test } from 'vitest';
import { openRuncUnderTest, runcUnavailable } from '../contract/runc-under-test.ts';

const unavailable = runcUnavailable();
const program = `
import http.client
for _ in range(3):
    asked = http.client.HTTPConnection("127.0.0.1", 3141)
    asked.request("GET", "/files/small/small-1.0.tar.gz")
    assert asked.getresponse().read() == b"bytes"
`;

test.skipIf(unavailable !== undefined)(
  `what a workload takes from the index is noted once, however often it is taken (${unavailable ?? 'runc'})`,
  async () => {
    const upstream = createServer((request, response) => {
      if (request.url === '/simple/small/')
        response
          .setHeader('content-type', 'text/html')
          .end('<a href="/small-1.0.tar.gz">small-1.0.tar.gz</a>');
      else response.end('bytes');
    }).listen(0, '127.0.0.1');
    await once(upstream, 'listening');
    const { port } = upstream.address() as AddressInfo;
    const under = await openRuncUnderTest({ indexUpstreams: [`http://127.0.0.1:${port}/simple/`] });
    try {
      const { engine } = under;
      await engine.ensure(under.workload('takes', program, { egress: { index: true, hosts: [] } }));
      await expect
        .poll(async () => (await engine.observe('takes'))?.phase, { timeout: 50_000 })
        .toBe('succeeded');
      const noted = await engine.fetched?.('takes');
      expect(noted).toMatchObject([{ project: 'small', filename: 'small-1.0.tar.gz', bytes: 5 }]);
    } finally {
      await under.dispose();
      upstream.close();
    }
  },
);
