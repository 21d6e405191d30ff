import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer, type RequestListener } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import type { Digest } from '@galley/api/digest';
import { createMemoryEngine } from '@galley/engine/memory/memory-engine';
import type { Engine } from '@galley/engine/engine';
import { smokeCheck, type SmokeAnswers, type SmokeOptions } from './smoke-check.ts';

const image: Digest = `sha256:${'1'.repeat(64)}`;
const golden = { requests: [{ rows: [{ x: 1 }], predictions: [0.5] }] };

let root: string;
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'smoke-'));
});
afterEach(() => rmSync(root, { recursive: true }));

/** The check of an image whose service answers like this; `/healthz` is well. */
async function check(predictions: RequestListener, requests: object = golden): Promise<SmokeAnswers> {
  const engine: Engine = createMemoryEngine({
    root: join(root, 'e'),
    programs: {
      [image]: async ({ sockets, signal }) => {
        const server = createServer((request, response) => {
          if (request.url === '/healthz') response.end();
          else predictions(request, response);
        });
        server.listen(join(sockets, '8080.sock'));
        if (!signal.aborted) await once(signal, 'abort');
        server.closeAllConnections();
        server.close();
        return 0;
      },
    },
  });
  return smokeCheck(image, { ...requests }, optionsOf(engine));
}

const optionsOf = (engine: Engine): SmokeOptions => ({
  context: { engine, signal: new AbortController().signal },
  application: 'iris',
  project: 'default',
  settings: { serviceMemoryBytes: 1e8, serviceCpus: 1, egressHosts: [] },
  secrets: { env: {}, files: {} },
});

test('an image that answers as its rehearsal did is good, but for the rounding of numbers', async () => {
  expect(await check((_, response) => response.end('{"predictions":[0.5000000001]}'))).toEqual({
    answers: 1,
    varying: 0,
  });
});

test('an answer that varied in the rehearsal is asked for and not compared', async () => {
  const varies = { requests: [{ ...golden.requests[0], varies: true }] };
  const answered = await check((_, response) => response.end('{"predictions":[0.4]}'), varies);
  expect(answered).toEqual({ answers: 1, varying: 1 });
  await expect(check((_, response) => response.end('<html>'), varies)).rejects.toMatchObject({
    code: 'SMOKE_CHECK_FAILED',
  });
});

test.each([
  ['another answer', '{"predictions":[0.4]}'],
  ['no JSON', '<html>'],
  ['another shape', '[0.5]'],
])('an image with %s is refused with what it said', async (_, body) => {
  await expect(check((__, response) => response.end(body))).rejects.toMatchObject({
    code: 'SMOKE_CHECK_FAILED',
    details: { body },
  });
});

test('an image that answers without end is cut off, and does not fill the memory of who asked', async () => {
  let written = 0;
  const endless: RequestListener = (_, response) => {
    const piece = Buffer.alloc(1024 ** 2, 0x20);
    const more = (): void => {
      while (!response.destroyed && response.write(piece)) written += piece.length;
      if (!response.destroyed) response.once('drain', more);
    };
    more();
  };
  await expect(check(endless)).rejects.toMatchObject({
    code: 'SMOKE_CHECK_FAILED',
    message: expect.stringContaining('with more than 67108864 bytes'),
  });
  expect(written).toBeLessThan(200 * 1024 ** 2);
});

test('an image of which a part is gone is not called one that does not serve: its build begins again', async () => {
  const options = optionsOf(createMemoryEngine({ root: join(root, 'e'), programs: {} }));
  await expect(smokeCheck(image, golden, options)).rejects.toMatchObject({
    code: 'BLOB_MISSING',
    details: { removed: true },
  });
});
