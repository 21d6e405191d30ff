import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { afterEach, expect, test, vi } from 'vitest';
import { openLayoutStore } from '../layout-store.ts';
import { graceMs, liveLeases } from '../lease/lease.ts';
import { UploadTable } from './upload-table.ts';

const folder = mkdtempSync(join(tmpdir(), 'galley-uploads-'));
const hourMs = 60 * 60_000;
afterEach(() => {
  vi.useRealTimers();
  rmSync(folder, { recursive: true });
});

test('blobs of a push are kept for as long as one of its uploads grows, and an hour more', async () => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
  const store = await openLayoutStore(folder);
  let now = Date.now();
  const pass = async (ms: number): Promise<void> => {
    now += ms;
    await vi.advanceTimersByTimeAsync(ms);
    // Giving a lease back takes as many steps on the disk as this.
    await (await store.lease('other')).release();
  };
  const held = async (): Promise<number> =>
    (await liveLeases(folder, Date.now() + hourMs + graceMs)).filter((one) => one.purpose === 'uploads')
      .length;
  const table = new UploadTable(store, () => now);
  const upload = await table.begin('team/a');
  if (upload === undefined) throw new Error('the first upload is one too many');
  for (let hour = 0; hour < 3; hour += 1) {
    await pass(hourMs / 2);
    expect(await table.append(upload, Readable.from([Buffer.from('a piece')]))).toBe('ok');
    await pass(hourMs / 2);
    expect(await held()).toBe(1);
  }
  await pass(hourMs);
  await expect.poll(held).toBe(0);
  await table.close();
});
