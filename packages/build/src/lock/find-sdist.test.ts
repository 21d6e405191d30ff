import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openHttp } from '../download/http.ts';
import { parseRequirement } from '../recipe/requirement.ts';
import { findSdist, type FindSdistOptions } from './find-sdist.ts';
import { listIndexFiles } from './index-files.ts';

const sha = (digit: string): string => digit.repeat(64);
const json = 'application/vnd.pypi.simple.v1+json';
/** Two packages: one known as JSON, one as HTML. */
const pages: Readonly<Record<string, { type: string; body: string }>> = {
  '/simple/only-source/': {
    type: json,
    body: JSON.stringify({
      files: [
        {
          filename: 'only_source-1.0.tar.gz',
          url: '../../files/only_source-1.0.tar.gz',
          hashes: { sha256: sha('a') },
          size: 10,
        },
        {
          filename: 'only_source-1.10.tar.gz',
          url: '../../files/only_source-1.10.tar.gz',
          hashes: { sha256: sha('b') },
          size: 10,
        },
        {
          filename: 'only_source-1.9.tar.gz',
          url: '../../files/only_source-1.9.tar.gz',
          hashes: { sha256: sha('c') },
          size: 10,
        },
        { filename: 'only_source-2.0rc1.tar.gz', url: 'x', hashes: { sha256: sha('d') } },
        {
          filename: 'only_source-3.0.tar.gz',
          url: 'x',
          hashes: { sha256: sha('e') },
          'requires-python': '>=3.99',
        },
        { filename: 'only_source-4.0.tar.gz', url: 'x', hashes: { sha256: sha('f') }, yanked: 'broken' },
        { filename: 'only_source-5.0.tar.gz', url: 'x', hashes: {} },
        { filename: '../../only_source-6.0.tar.gz', url: 'x', hashes: { sha256: sha('1') } },
        { filename: 'only_source-7.0.tar.gz', url: 'x', hashes: { sha256: '../../../etc' } },
      ],
    }),
  },
  '/simple/broken/': { type: json, body: '<html>Log in first</html>' },
  '/simple/old/': {
    type: 'text/html',
    body: `<html><a href="../../files/old-1.0-cp36-cp36m-manylinux1_x86_64.whl#sha256=${sha('a')}">old-1.0-cp36-cp36m-manylinux1_x86_64.whl</a>
      <a href="../../files/old-1.0.tar.gz#sha256=${sha('b')}" data-requires-python="&gt;=3.6">old-1.0.tar.gz</a>
      <a href="../../files/old-2.0-py3-none-any.whl#sha256=${sha('c')}">old-2.0-py3-none-any.whl</a></html>`,
  },
};

let server: Server;
let options: FindSdistOptions;
beforeAll(async () => {
  server = createServer((request, response) => {
    const page = pages[request.url ?? ''];
    if (page === undefined) response.writeHead(404).end();
    else response.writeHead(200, { 'content-type': page.type }).end(page.body);
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const index = `http://127.0.0.1:${(server.address() as AddressInfo).port}/simple`;
  const target = { python: '3.11', machine: 'x86_64' };
  options = {
    index,
    target,
    requirements: [parseRequirement('nowhere', 'a.ipynb cell 2')],
    http: openHttp(),
  };
});
afterAll(async () => {
  await options.http.close();
  server.closeAllConnections();
  server.close();
});

describe('a package without a fitting wheel', () => {
  it('is built from its newest final source that fits this Python, has a hash and was not yanked', async () => {
    const sdist = await findSdist({ name: 'only-source', version: undefined }, options);
    expect(sdist).toMatchObject({ version: '1.10', sha256: sha('b'), size: 10 });
    expect(sdist.url).toBe(new URL('/files/only_source-1.10.tar.gz', options.index).href);
  });

  it('is built in the version that was asked for', async () => {
    expect(await findSdist({ name: 'only-source', version: '1.0' }, options)).toMatchObject({
      version: '1.0',
    });
  });

  it('is not built when that version has wheels for other Pythons: these are named instead', async () => {
    await expect(findSdist({ name: 'old', version: '1.0' }, options)).rejects.toMatchObject({
      code: 'NO_WHEEL_FOR_PYTHON',
      details: { package: 'old', version: '1.0', pythons: ['3.6'], fits: ['2.0'] },
    });
  });

  it('does not exist when the index does not know it', async () => {
    await expect(findSdist({ name: 'nowhere', version: undefined }, options)).rejects.toMatchObject({
      code: 'PACKAGE_NOT_FOUND',
      details: { from: 'a.ipynb cell 2' },
    });
  });

  it('cannot be judged when the index does not answer', async () => {
    const listing = listIndexFiles('http://127.0.0.1:9/simple', 'x', options);
    await expect(listing).rejects.toMatchObject({ code: 'INDEX_UNREACHABLE' });
    const login = listIndexFiles(options.index, 'broken', options);
    await expect(login).rejects.toMatchObject({ code: 'INDEX_UNREACHABLE' });
  });
});
