import { once } from 'node:events';
import { chmodSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { openLayoutStore } from '../layout-store.ts';
import { serveRegistry, type ServedRegistry } from '../registry-server/fixtures/serve-registry.ts';
import type { ImageStore } from '../store.ts';
import type { FindCredentials } from './credentials.ts';
import { dockerCredentials } from './docker-config.ts';
import { noiseImage, transferOptions } from './fixtures/push-pull.ts';
import { pullImage } from './pull-image.ts';
import { pushImage, type PushReport } from './push-image.ts';

let folder: string;
let store: ImageStore;
let served: ServedRegistry;
let digest: `sha256:${string}`;
/** `METHOD url`, Authorization and body of every request to the token server. */
const asked: { line: string; authorization: string | undefined; body: string }[] = [];
let answerToken: (request: IncomingMessage, response: ServerResponse) => void;
const tokens = createServer((request, response) => {
  void text(request).then((body) => {
    asked.push({
      line: `${request.method} ${request.url}`,
      authorization: request.headers.authorization,
      body,
    });
    answerToken(request, response);
  });
});

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'galley-authorization-'));
  store = await openLayoutStore(join(folder, 'store'));
  served = await serveRegistry(await openLayoutStore(join(folder, 'remote')));
  tokens.listen(0, '127.0.0.1');
  await once(tokens, 'listening');
  digest = (await noiseImage(store, [2_000_000, 10, 20])).digest;
});
afterAll(async () => {
  tokens.closeAllConnections();
  tokens.close();
  await served.close();
  rmSync(folder, { recursive: true });
});

const realm = (): string => `http://127.0.0.1:${(tokens.address() as AddressInfo).port}/token`; // it listens on TCP

/** Lets in whoever shows a token that `good` knows. */
function demandToken(good: (token: string, scope: string) => boolean, at = realm()): void {
  asked.length = 0;
  served.between((request, response) => {
    const [, repository = ''] = /^\/v2\/(.+?)\/(?:blobs|manifests)\//.exec(request.url ?? '') ?? [];
    const writes = request.method !== 'GET' && request.method !== 'HEAD';
    const scope = repository === '' ? '' : `repository:${repository}:${writes ? 'pull,push' : 'pull'}`;
    const token = /^Bearer (.+)$/.exec(request.headers.authorization ?? '')?.[1];
    if (token !== undefined && good(token, scope)) return false;
    request.resume();
    request.on('end', () =>
      response
        .writeHead(401, { 'www-authenticate': `Bearer realm="${at}",service="reg.example",scope="${scope}"` })
        .end(),
    );
    return true;
  });
}

const push = (credentials?: FindCredentials): Promise<PushReport> =>
  pushImage(
    store,
    digest,
    transferOptions(
      `${served.host}/team/secret:v1`,
      'push',
      credentials === undefined ? {} : { credentials },
    ),
  );

test('one token is fetched for all blobs of a push, with the password in a header and the scope in the query', async () => {
  answerToken = (_request, response) => response.end(JSON.stringify({ token: 'good', expires_in: 300 }));
  demandToken((token) => token === 'good');
  await push(async () => ({ kind: 'password', username: 'ada', password: 'pä:ss' }));
  expect(asked).toEqual([
    {
      line: 'GET /token?service=reg.example&scope=repository%3Ateam%2Fsecret%3Apull%2Cpush',
      authorization: `Basic ${Buffer.from('ada:pä:ss').toString('base64')}`,
      body: '',
    },
  ]);
});

test('nobody may pull what is public, with a token for nobody', async () => {
  answerToken = (_request, response) => response.end(JSON.stringify({ access_token: 'public' }));
  demandToken((token) => token === 'public');
  const fresh = await openLayoutStore(join(folder, 'fresh'));
  await pullImage(fresh, transferOptions(`${served.host}/team/secret:v1`, 'pull'));
  expect(asked.map(({ authorization }) => authorization)).toEqual([undefined]);
});

test('a token that ends is fetched anew, before its end and after a 401', async () => {
  let number = 0;
  answerToken = (_request, response) =>
    response.end(JSON.stringify({ token: `t${(number += 1)}`, expires_in: 60 }));
  // The first token is refused in the middle of the push.
  let uses = 0;
  demandToken((token) => (token === 't1' ? (uses += 1) < 3 : true));
  await push();
  expect(number).toBe(2);
  number = 0;
  uses = 0;
  demandToken(() => true);
  // Every look at the clock is 70 seconds later: a token of a minute is used up at the next one.
  let now = 0;
  const options = transferOptions(`${served.host}/team/secret:v1`, 'push', { now: () => (now += 70_000) });
  await pushImage(store, digest, options);
  expect(number).toBeGreaterThanOrEqual(2);
});

test.each(['Basic realm="x"', 'Bearer'])(
  'a registry whose front door is open lets in all blobs that are refused at once: %s',
  async (scheme) => {
    answerToken = (_request, response) => response.end(JSON.stringify({ token: 'good' }));
    const challenge = scheme === 'Bearer' ? `Bearer realm="${realm()}"` : scheme;
    const waiting: ServerResponse[] = [];
    served.between((request, response) => {
      if (request.url === '/v2/' || request.headers.authorization !== undefined) return false;
      waiting.push(response);
      // The looks for all four blobs come before anybody has been told to say who they are.
      if (waiting.length === 4)
        for (const one of waiting) one.writeHead(401, { 'www-authenticate': challenge }).end();
      return true;
    });
    const ada = async () => ({ kind: 'password', username: 'ada', password: 'x' }) as const;
    expect(await push(ada)).toMatchObject({ digest });
    expect(waiting).toHaveLength(4);
  },
);

test('a token server that is busy or away for a moment is asked again', async () => {
  const statuses = [503, 429];
  answerToken = (_request, response) => {
    const status = statuses.pop();
    if (status === undefined) response.end(JSON.stringify({ token: 'good' }));
    else response.writeHead(status).end();
  };
  demandToken((token) => token === 'good');
  await push();
  expect(asked).toHaveLength(3);
});

test('bytes that were sent before a token was asked for are counted once', async () => {
  answerToken = (_request, response) => response.end(JSON.stringify({ token: 'good' }));
  demandToken((token) => token === 'good');
  served.between((request, response) => {
    if (request.method !== 'PATCH' || request.headers.authorization !== undefined) return false;
    request.resume();
    request.on('end', () =>
      response.writeHead(401, { 'www-authenticate': `Bearer realm="${realm()}"` }).end(),
    );
    return true;
  });
  const large = await noiseImage(store, [3_000_000]);
  const options = transferOptions(`${served.host}/team/open:v1`, 'push');
  const pushed = await pushImage(store, large.digest, options);
  expect(pushed.sentBytes).toBe(pushed.totalBytes);
});

test('a refresh token goes in the body of a POST', async () => {
  answerToken = (_request, response) => response.end(JSON.stringify({ access_token: 'good' }));
  demandToken((token) => token === 'good');
  await push(async () => ({ kind: 'identity-token', token: 'refresh-me' }));
  expect(asked).toHaveLength(1);
  expect(asked[0]).toMatchObject({ line: 'POST /token', authorization: undefined });
  expect(Object.fromEntries(new URLSearchParams(asked[0]?.body))).toMatchObject({
    grant_type: 'refresh_token',
    refresh_token: 'refresh-me',
    service: 'reg.example',
    scope: 'repository:team/secret:pull,push',
  });
});

test('a wrong password, a token that opens nothing and a token server that talks rubbish are told apart, and quote no secret', async () => {
  const secret = async () => ({ kind: 'password', username: 'ada', password: 'open-sesame' }) as const;
  answerToken = (_request, response) =>
    response.writeHead(401).end('{"errors":[{"message":"wrong password"}]}');
  demandToken(() => false);
  await expect(push(secret)).rejects.toMatchObject({
    code: 'REGISTRY_UNAUTHORIZED',
    message: expect.stringContaining('wrong password'),
  });
  let number = 0;
  answerToken = (_request, response) => response.end(`{"token":"useless${(number += 1)}"}`);
  demandToken(() => false);
  const useless = await push(secret).catch((error: unknown) => error);
  expect(useless).toMatchObject({
    code: 'REGISTRY_UNAUTHORIZED',
    hint: expect.stringContaining(served.host),
  });
  expect(asked).toHaveLength(2);
  for (const rubbish of ['<html>', '{}', '{"token":""}', '{"token":"a\\r\\nb"}', '[1]']) {
    answerToken = (_request, response) => response.end(rubbish);
    demandToken(() => false);
    const error = await push(secret).catch((thrown: unknown) => thrown);
    expect(error).toMatchObject({ code: 'REGISTRY_ANSWER_INVALID' });
    expect(JSON.stringify(error)).not.toMatch(/open-sesame|b3Blbi1zZXNhbWU/);
  }
});

test.each(['ftp://x/', 'nothing', 'http://user:pw@127.0.0.1/token'])(
  'a token server at %s is not asked',
  async (at) => {
    demandToken(() => false, at);
    await expect(push()).rejects.toMatchObject({
      code: expect.stringMatching(/REGISTRY_(REDIRECT|ANSWER_INVALID)/),
    });
  },
);

test('credentials are found where docker and containers keep them', async () => {
  const home = join(folder, 'home');
  const bin = join(folder, 'bin');
  for (const path of [join(home, '.docker'), join(home, '.config', 'containers'), bin])
    mkdirSync(path, { recursive: true });
  const helper = join(bin, 'docker-credential-fake');
  writeFileSync(
    helper,
    `#!/bin/sh
read -r host; echo "$0 $* $host" >> "${folder}/helper.log"
case "$host" in
  known.example) echo '{"ServerURL":"known.example","Username":"ada","Secret":"from-helper"}';;
  token.example) echo '{"Username":"<token>","Secret":"refresh"}';;
  broken.example) echo 'oops from-helper';;
  *) echo 'credentials not found in native keychain'; exit 1;;
esac
`,
  );
  chmodSync(helper, 0o755);
  const base64 = (value: string): string => Buffer.from(value).toString('base64');
  writeFileSync(
    join(home, '.docker', 'config.json'),
    JSON.stringify({
      auths: {
        'https://index.docker.io/v1/': { auth: base64('hub:pw') },
        'plain.example:5000': { auth: base64('ada:pass:word') },
        'https://url.example/v2/': { username: 'ada', password: 'url' },
        'identity.example': { auth: base64('ada:x'), identitytoken: 'refresh' },
        'bearer.example': { registrytoken: 'as-it-is' },
        'store.example': {},
        'half.example': { auth: base64('nothing') },
      },
      credHelpers: {
        'known.example': 'fake',
        'token.example': 'fake',
        'broken.example': 'fake',
        'missing.example': 'not-there',
        'evil.example': '../../bin/sh',
      },
      credsStore: 'fake',
    }),
  );
  const find = dockerCredentials({ HOME: home, PATH: `${bin}:${process.env['PATH']}` });
  expect(await find('docker.io')).toEqual({ kind: 'password', username: 'hub', password: 'pw' });
  expect(await find('plain.example:5000')).toEqual({
    kind: 'password',
    username: 'ada',
    password: 'pass:word',
  });
  expect(await find('url.example')).toEqual({ kind: 'password', username: 'ada', password: 'url' });
  expect(await find('identity.example')).toEqual({ kind: 'identity-token', token: 'refresh' });
  expect(await find('bearer.example')).toEqual({ kind: 'bearer', token: 'as-it-is' });
  expect(await find('known.example')).toEqual({ kind: 'password', username: 'ada', password: 'from-helper' });
  expect(await find('token.example')).toEqual({ kind: 'identity-token', token: 'refresh' });
  expect(await find('store.example')).toBeUndefined();
  expect(await find('constructor')).toBeUndefined();
  const broken = await find('broken.example').catch((error: unknown) => error);
  expect(broken).toMatchObject({ code: 'CREDENTIAL_HELPER_FAILED' });
  expect(JSON.stringify(broken)).not.toContain('from-helper');
  await expect(find('missing.example')).rejects.toMatchObject({ code: 'CREDENTIAL_HELPER_FAILED' });
  await expect(find('evil.example')).rejects.toMatchObject({ code: 'CREDENTIAL_HELPER_FAILED' });
  await expect(find('half.example')).rejects.toMatchObject({ code: 'CREDENTIALS_INVALID' });
  // Nothing but `get` is an argument of the helper: what is secret goes by its standard streams.
  expect(readFileSync(join(folder, 'helper.log'), 'utf8')).toMatch(/^\S+ get known\.example$/m);
  writeFileSync(
    join(home, '.config', 'containers', 'auth.json'),
    JSON.stringify({ auths: { 'known.example': { auth: base64('ada:containers') } } }),
  );
  expect(await find('known.example')).toMatchObject({ password: 'containers' });
  // Empty or relative is as if it were not set: never the folder that somebody works in (XDG base directory specification).
  for (const config of ['', '.config'])
    expect(await dockerCredentials({ HOME: home, XDG_CONFIG_HOME: config })('known.example')).toMatchObject({
      password: 'containers',
    });
  expect(
    await dockerCredentials({ HOME: home, REGISTRY_AUTH_FILE: join(folder, 'none.json') })('known.example'),
  ).toBeUndefined();
  writeFileSync(join(home, '.config', 'containers', 'auth.json'), '{"auths": "secret');
  const damaged = await find('known.example').catch((error: unknown) => error);
  expect(damaged).toMatchObject({ code: 'CREDENTIALS_INVALID' });
  expect(JSON.stringify(damaged)).not.toContain('secret"');
});
