import { expect, test } from 'vitest';
import { decide, type Verdict } from './allow-list.ts';

const names: Readonly<Record<string, readonly string[]>> = {
  'public.example': ['8.8.8.8', '10.0.0.5'],
  'rebinds.example': ['169.254.169.254'],
  'db.internal': ['10.0.0.5'],
};
const resolve = (host: string): Promise<readonly string[]> => {
  const found = names[host];
  return found === undefined ? Promise.reject(new Error('ENOTFOUND')) : Promise.resolve(found);
};

function ask(
  host: string,
  allowed: readonly string[],
  privateHosts: readonly string[] = [],
): Promise<Verdict> {
  return decide({ host, port: 80 }, { allowed, privateHosts }, resolve);
}

test('only what is listed is reached, at the addresses that were resolved once, and public ones only', async () => {
  expect(await ask('public.example', ['PUBLIC.example.:80'])).toEqual({
    allowed: true,
    addresses: ['8.8.8.8'],
  });
  expect(await ask('public.example', ['public.example:81'])).toMatchObject({ why: 'unlisted' });
  expect(await ask('absent.example', ['absent.example:80'])).toMatchObject({ why: 'unresolved' });
});

test.each(['127.0.0.1', '169.254.169.254', '10.0.0.5', '::1', 'rebinds.example', 'db.internal'])(
  'a repository that lists %s does not reach into the network of this machine',
  async (host) => {
    const entry = host.includes('::') ? `[${host}]:80` : `${host}:80`;
    expect(await ask(host, [entry, '169.254.169.254:80', '10.0.0.5:80'])).toMatchObject({ why: 'private' });
  },
);

test('the operator opens a private address by its name or by its number, and only what is allowed besides', async () => {
  const open = { allowed: true, addresses: ['10.0.0.5'] };
  expect(await ask('db.internal', ['db.internal:80'], ['db.internal:80'])).toEqual(open);
  expect(await ask('db.internal', ['db.internal:80'], ['10.0.0.5:80'])).toEqual(open);
  expect(await ask('10.0.0.5', ['10.0.0.5:80'], ['10.0.0.5:80'])).toEqual(open);
  expect(await ask('10.0.0.5', ['10.0.0.5:80'], ['10.0.0.5:81'])).toMatchObject({ why: 'private' });
  expect(await ask('db.internal', [], ['db.internal:80'])).toMatchObject({ why: 'unlisted' });
});
