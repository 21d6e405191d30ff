import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import type { BucketsAnswer, SightingLine } from '../monitor/bucket.ts';
import { openDatabase } from './database.ts';
import { MonitorStore } from './monitor-store.ts';

let folder: string;
let close: () => void;
let store: MonitorStore;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'galley-counts-'));
  const database = openDatabase(join(folder, 'galley.db'));
  close = () => database.close();
  store = new MonitorStore({ database, now: () => 1 });
});

afterEach(() => {
  close();
  rmSync(folder, { recursive: true });
});

function sighting(kind: string, stream: string, count = 1): SightingLine {
  return { seq: 7, time: '2013-01-08T11:35:00.000Z', kind, stream, value: '1', count };
}

function answer(requests: number, events: SightingLine[]): BucketsAnswer {
  const bucket = { seq: requests, minute: 5, requests, rows: requests, failures: 0, late: 0, streams: {} };
  return { schema: 'galley.dev/buckets/v1', boot: 'b', seq: requests, buckets: [bucket], events };
}

test('what one request showed for the first time is all kept, and kept once when it is sent again', () => {
  const events = [sighting('path', 'path/weather.py#at'), sighting('fallback', 'path/n.ipynb#conditions')];
  store.keep('revision', 'replica', answer(1, events));
  store.keep('revision', 'replica', answer(2, events));
  expect(store.sightings('revision').map(({ kind, stream }) => [kind, stream])).toEqual(
    expect.arrayContaining(events.map(({ kind, stream }) => [kind, stream])),
  );
  expect(store.sightings('revision')).toHaveLength(2);
});

test('a minute that is sent again replaces itself, since its counters are cumulative', () => {
  store.keep('revision', 'replica', answer(3, []));
  store.keep('revision', 'replica', answer(5, []));
  expect([...store.minutes('revision', {})].map(({ requests }) => requests)).toEqual([5]);
  expect(store.cursor('revision', 'replica')).toEqual({ boot: 'b', seq: 5 });
});
