import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { createMemoryEngine } from '@galley/engine/memory/memory-engine';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { parseRequirement } from '../recipe/requirement.ts';
import { treeOfFiles } from '../source/tree-of-files.ts';
import { withLocalWheels, type LocalWheelOptions } from './local-wheel.ts';

const wheelFile = fileURLToPath(
  new URL(
    '../../../../tests/fixtures/recipes/requirements/vendor/tiny-1.0-py3-none-any.whl',
    import.meta.url,
  ),
);

let root: string;
let server: Server;
let host: string;
let wheel: Buffer;
let sha256: string;
let requests = 0;
beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), 'galley-local-'));
  wheel = await readFile(wheelFile);
  sha256 = createHash('sha256').update(wheel).digest('hex');
  server = createServer((request, response) => {
    requests += 1;
    if (request.url?.endsWith('.whl') === true) response.end(wheel);
    else response.writeHead(404).end();
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  host = `127.0.0.1:${(server.address() as AddressInfo).port}`;
});
afterAll(async () => {
  server.closeAllConnections();
  server.close();
  await rm(root, { recursive: true, force: true });
});

async function options(more: Partial<LocalWheelOptions> = {}): Promise<LocalWheelOptions> {
  return {
    engine: createMemoryEngine({ programs: {}, root }),
    cacheDir: join(root, 'cache'),
    workDir: root,
    project: 'tests',
    application: 'x',
    emit: () => undefined,
    object: 'build/x',
    signal: new AbortController().signal,
    target: { python: '3.11', machine: 'x86_64' },
    toolchain: () => Promise.reject(new Error('nothing is built here')),
    tree: await treeOfFiles(
      { 'wheels/tiny-1.0-py3-none-any.whl': wheel, 'wheels/tiny-1.0-cp39-cp39-win_amd64.whl': wheel },
      root,
    ),
    notebooks: [],
    privateHosts: () => Promise.resolve([host]),
    ...more,
  };
}

const unlisted = { privateHosts: () => Promise.resolve([]) };

describe('a package that no index has', () => {
  it('is a wheel of the repository', async () => {
    const [found] = await withLocalWheels(
      [parseRequirement('./wheels/tiny-1.0-py3-none-any.whl', 'x')],
      await options(),
    );
    expect(found).toMatchObject({ name: 'tiny', wheel: { version: '1.0', sha256, size: wheel.length } });
  });

  it('is fetched once from a URL, held to its hash, and not lent to who may not fetch it', async () => {
    const url = `http://${host}/tiny-1.0-py3-none-any.whl`;
    const before = requests;
    for (let round = 0; round < 2; round += 1) {
      const [found] = await withLocalWheels(
        [parseRequirement(`tiny[x] @ ${url}#sha256=${sha256}`, 'x')],
        await options(),
      );
      expect(found).toMatchObject({ name: 'tiny', wheel: { sha256 }, direct: { extras: '[x]' } });
    }
    expect(requests - before).toBe(1);
    const another = withLocalWheels(
      [parseRequirement(`tiny[x] @ ${url}#sha256=${sha256}`, 'x')],
      await options(unlisted),
    );
    await expect(another).rejects.toMatchObject({ code: 'EGRESS_DENIED' });
    const wrong = withLocalWheels(
      [parseRequirement(`${url}#sha256=${'0'.repeat(64)}`, 'requirements.txt line 1')],
      await options(),
    );
    await expect(wrong).rejects.toMatchObject({
      code: 'HASH_MISMATCH',
      details: { from: 'requirements.txt line 1', sha256 },
    });
  });

  it.each([
    ['EGRESS_DENIED', 'http://HOST/other-1.0-py3-none-any.whl', unlisted],
    ['EGRESS_DENIED', 'git+http://127.0.0.1:1/team/lib.git', unlisted],
    ['INDEX_UNREACHABLE', 'http://HOST/missing-1.0.tar.gz', {}],
    ['REQUIREMENTS_INVALID', './wheels/none-1.0-py3-none-any.whl', {}],
    ['REQUIREMENTS_INVALID', './wheels/tiny-1.0-cp39-cp39-win_amd64.whl', {}],
    ['REQUIREMENTS_INVALID', './no-project-here', {}],
  ])('is %s: %s', async (code, line, more) => {
    const requirement = parseRequirement(line.replace('HOST', host), 'requirements.txt line 1');
    await expect(withLocalWheels([requirement], await options(more))).rejects.toMatchObject({ code });
  });
});
