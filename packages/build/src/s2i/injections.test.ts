import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { readInjection } from './injections.ts';

let folder: string;

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'galley-inject-'));
  mkdirSync(join(folder, 'secrets/..data'), { recursive: true });
  mkdirSync(join(folder, 'secrets/deep'));
  writeFileSync(join(folder, 'secrets/..data/token'), 'token');
  // As Kubernetes mounts a secret.
  symlinkSync('..data/token', join(folder, 'secrets/token'));
  writeFileSync(join(folder, 'secrets/deep/key'), Buffer.from([0, 255]));
  symlinkSync('nowhere', join(folder, 'secrets/dangling'));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

async function read(text: string): Promise<readonly [string, string][]> {
  const found = await readInjection(text, folder, '/opt/app');
  return found.map(({ path, content }) => [path, Buffer.from(content).toString('hex')]);
}

test('a folder goes into its destination, links followed on this side; a file is its destination', async () => {
  const token = Buffer.from('token').toString('hex');
  expect(await read('secrets:/etc/s')).toEqual([
    ['/etc/s/deep/key', '00ff'],
    ['/etc/s/token', token],
  ]);
  expect(await read('secrets:conf')).toContainEqual(['/opt/app/conf/token', token]);
  expect(await read('secrets')).toContainEqual(['/opt/app/token', token]);
  expect(await read('secrets/token:/etc/token')).toEqual([['/etc/token', token]]);
  expect(await read('secrets/token:/etc/')).toEqual([['/etc/token', token]]);
  // Without a destination it is the working directory, which no file can replace.
  expect(await read('secrets/token')).toEqual([['/opt/app/token', token]]);
});

test('what is not there is told', async () => {
  for (const text of ['nowhere:/etc', ':/etc'])
    await expect(read(text)).rejects.toMatchObject({ code: 'SOURCE_REFUSED' });
});
