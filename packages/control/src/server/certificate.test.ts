import { X509Certificate, createPrivateKey } from 'node:crypto';
import { mkdtemp, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { openCertificate } from './certificate.ts';

const dayMs = 24 * 3600 * 1000;
const now = Date.parse('2026-03-01T00:00:00Z');
let folder: string;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'control-tls-'));
});
afterEach(() => rm(folder, { recursive: true }));

test('the leaf is signed by the authority, for the loopback names, and both keys are private', async () => {
  const made = await openCertificate(folder, now);
  const leaf = new X509Certificate(made.certificate);
  const authority = new X509Certificate(made.authority);
  expect(leaf.verify(authority.publicKey)).toBe(true);
  expect(leaf.ca).toBe(false);
  expect(authority.ca).toBe(true);
  expect(leaf.checkHost('localhost')).toBe('localhost');
  expect(leaf.checkIP('127.0.0.1')).toBe('127.0.0.1');
  expect(leaf.checkIP('::1')).toBe('::1');
  for (const name of ['ca.key', 'server.key']) {
    expect((await stat(join(folder, name))).mode & 0o777).toBe(0o600);
  }
});

test('opening again makes nothing new; near its end the leaf is renewed under the same authority', async () => {
  const first = await openCertificate(folder, now);
  expect(await openCertificate(folder, now + 100 * dayMs)).toEqual(first);
  const renewed = await openCertificate(folder, now + 380 * dayMs);
  expect(renewed.authority).toBe(first.authority);
  expect(renewed.certificate).not.toBe(first.certificate);
  expect(
    new X509Certificate(renewed.certificate).verify(new X509Certificate(first.authority).publicKey),
  ).toBe(true);
});

test('a renewal that was killed in the middle is done again', async () => {
  const first = await openCertificate(folder, now);
  const renewed = await openCertificate(folder, now + 380 * dayMs);
  // The new key came to disk, the certificate for it did not.
  await writeFile(join(folder, 'server.pem'), first.certificate);
  const mended = await openCertificate(folder, now + 380 * dayMs);
  expect(mended.certificate).not.toBe(first.certificate);
  expect(new X509Certificate(mended.certificate).checkPrivateKey(createPrivateKey(mended.key))).toBe(true);
  expect(mended.authority).toBe(renewed.authority);
});
