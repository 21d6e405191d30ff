import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { MonitorStatus } from '@galley/api/kind/monitor';
import { galley, type Session } from '../cli/galley.ts';
import { fixture } from './build-home.ts';

/** An application whose rows say when they happened: from galley.yaml through rehearsal and replica to the monitor's windows. */
let home: string;
const run = (...args: string[]): Promise<Session> => galley(args, { home });

beforeAll(async () => {
  home = await mkdtemp(join(tmpdir(), 'galley-time-'));
});

afterAll(async () => {
  await run('server', 'stop');
  await rm(home, { recursive: true, force: true });
});

async function monitor(...window: string[]): Promise<MonitorStatus> {
  const { stdout } = await run('monitor', 'says-when', ...window, '-o', 'json');
  return JSON.parse(stdout) as MonitorStatus;
}

test('requests count on their own day, and dates have an age on that day', { timeout: 600_000 }, async () => {
  const deployed = await run('deploy', fixture('says-when'));
  expect(deployed.exitCode, deployed.stderr).toBe(0);
  const ask = async (asked: string, booked: string): Promise<void> => {
    const row = { asked: `${asked}T10:00:00Z`, booked, nights: 2 };
    expect((await run('predict', 'says-when', '--json', JSON.stringify([row]))).exitCode).toBe(0);
  };
  await ask('2024-06-01', '2024-05-31');
  await ask('2024-06-02', '2022-01-01');
  await expect.poll(async () => (await monitor()).requests, { timeout: 30_000 }).toBe(2);
  const moved = async (day: string): Promise<string | undefined> => {
    const status = await monitor('--from', `${day}T00:00:00Z`, '--to', `${day}T23:59:00Z`);
    expect(status.requests).toBe(1);
    const ids = status.streams.map(({ id }) => id).filter((id) => id.startsWith('input/'));
    // The time itself has no age: it would always be nothing.
    expect(ids).toContain('input/booked/age');
    expect(ids).not.toContain('input/asked/age');
    return status.streams.find(({ id }) => id === 'input/booked/age')?.gained?.cell;
  };
  expect(await moved('2024-06-01')).toMatch(/d\]$/);
  expect(await moved('2024-06-02')).toBe('> max');
  // The column is believed, the header is not: it was not allowed.
  const header = await run('predict', 'says-when', '--json', '[{}]', '--event-time', '2013-01-08T00:00:00Z');
  expect(header.stderr).toContain('it takes no event time');
});
