import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import type { DatabaseSync } from 'node:sqlite';
import type { Bucket, BucketsAnswer, SightingLine } from '../monitor/bucket.ts';
import { BucketSums } from '../monitor/stream-sums.ts';
import { openDatabase } from './database.ts';
import { defaultBounds, MonitorStore } from './monitor-store.ts';

let folder: string;
let database: DatabaseSync;
let now: number;
let store: MonitorStore;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'galley-counts-'));
  database = openDatabase(join(folder, 'galley.db'));
  now = 1;
  store = new MonitorStore({ database, now: () => now });
});

afterEach(() => {
  database.close();
  rmSync(folder, { recursive: true });
});

function sighting(kind: string, stream: string, time = '2013-01-08T11:35:00.000Z'): SightingLine {
  return { seq: 7, time, kind, stream, value: '1', count: 1 };
}

function bucket(seq: number, minute: number, requests: number): Bucket {
  const streams = { s: { n: requests, counts: { '0': requests, [String(requests)]: 2 ** 52 } } };
  return { seq, minute, requests, rows: requests, failures: 0, refused: 0, late: 0, streams };
}

function answer(buckets: Bucket[], events: SightingLine[] = [], boot = 'b'): BucketsAnswer {
  const seq = Math.max(0, ...buckets.map((each) => each.seq), ...events.map((each) => each.seq));
  return { schema: 'galley.dev/buckets/v1', boot, seq, buckets, events };
}

function textOf(buckets: readonly Bucket[]): string {
  const sums = new BucketSums();
  for (const each of buckets) sums.add(each);
  return sums.toText();
}

test('what one request showed for the first time is all kept, and kept once when it is sent again', () => {
  const events = [sighting('path', 'path/weather.py#at'), sighting('fallback', 'path/n.ipynb#conditions')];
  store.keep('revision', 'replica', answer([bucket(1, 5, 1)], events));
  store.keep('revision', 'replica', answer([bucket(2, 5, 2)], events));
  expect(store.sightings('revision').map(({ kind, stream }) => [kind, stream])).toEqual(
    expect.arrayContaining(events.map(({ kind, stream }) => [kind, stream])),
  );
  expect(store.sightings('revision')).toHaveLength(2);
});

test('what three replicas and a restart saw for the first time is one sighting, the earliest', () => {
  const seen = (hour: string): SightingLine => sighting('fallback', 's', `2013-01-08T${hour}:00:00.000Z`);
  store.keep('revision', 'r0', answer([], [seen('12')]));
  store.keep('revision', 'r1', answer([], [seen('10')]));
  store.keep('revision', 'r2', answer([], [seen('11')]));
  store.keep('revision', 'r0', answer([], [seen('13')], 'after a restart'));
  expect(store.sightings('revision')).toMatchObject([{ time: seen('10').time, replica: 'r1', count: 4 }]);
});

test('a minute that is sent again replaces itself, since its counters are cumulative', () => {
  store.keep('revision', 'replica', answer([bucket(3, 5, 3)]));
  store.keep('revision', 'replica', answer([bucket(5, 5, 5)]));
  store.keep('revision', 'replica', answer([bucket(4, 5, 4)])); // overtaken on its way
  expect(store.totals('revision').toText()).toBe(textOf([bucket(5, 5, 5)]));
});

test('the sum that is kept is that of the minutes, also after the store was opened again', async () => {
  const minutes = Array.from({ length: 150 }, (_, minute) => minute);
  const kept: Bucket[] = [];
  for (const replica of ['r0', 'r1', 'r2']) {
    store.keep('revision', replica, answer(minutes.map((minute) => bucket(minute, minute, 1))));
    const newer = minutes.map((minute) => bucket(minute + 1, minute, 2 + (minute % 5)));
    store.keep('revision', replica, answer(newer));
    kept.push(...newer);
  }
  const again = new MonitorStore({ database, now: () => now });
  for (const sums of [again.totals('revision'), await again.windowSums('revision', {})]) {
    expect(sums).toEqual(BucketSums.fromText(textOf(kept)));
  }
});

test('counts from before their sum was kept are added up', () => {
  store.keep('revision', 'replica', answer([bucket(1, 5, 1), bucket(2, 6, 2)]));
  database.exec('DELETE FROM count_total');
  store.keep('revision', 'replica', answer([bucket(3, 6, 3)]));
  expect(store.totals('revision').toText()).toBe(textOf([bucket(1, 5, 1), bucket(3, 6, 3)]));
});

test('a window holds the minutes that start in it: the first with its beginning, the last without its end', async () => {
  for (const replica of ['r0', 'r1'])
    store.keep('revision', replica, answer([0, 1, 2, 3].map((minute) => bucket(minute + 1, minute, 1))));
  const requests = async (fromMs?: number, toMs?: number): Promise<number> => {
    const window = { ...(fromMs === undefined ? {} : { fromMs }), ...(toMs === undefined ? {} : { toMs }) };
    return Number((await store.windowSums('revision', window)).requests);
  };
  expect(await requests(60_000, 180_000)).toBe(4);
  expect(await requests(60_001, 180_001)).toBe(4);
  expect(await requests(undefined, 60_000)).toBe(2);
  expect(await requests(180_000)).toBe(2);
  expect(await requests(180_001)).toBe(0);
});

test('the oldest minutes go beyond the bound, out of the sum too, and the gateway’s counts of their time with them', () => {
  store = new MonitorStore({ database, now: () => now, bounds: { ...defaultBounds, minutes: 3 } });
  for (now = 1; now <= 5; now += 1) {
    store.keep('revision', 'replica', answer([bucket(now, 100 - now, now)]));
    store.keepGatewayCounts([{ revision: 'revision', boot: 'g', minute: now, answered: 1, failed: 0 }]);
    store.bound('revision');
  }
  expect(store.totals('revision').toText()).toBe(textOf([3, 4, 5].map((seq) => bucket(seq, 100 - seq, seq))));
  expect(store.answeredByGateway('revision')).toBe(3n);
});

test('large minutes are bounded by their bytes, but the newest stay', () => {
  const bytes = JSON.stringify(bucket(1, 1, 1)).length * 2 + 10;
  store = new MonitorStore({ database, now: () => now, bounds: { ...defaultBounds, bytes } });
  for (now = 1; now <= 5; now += 1) store.keep('revision', 'replica', answer([bucket(now, now, 1)]));
  store.bound('revision');
  expect(store.totals('revision').requests).toBe(2n);
  store = new MonitorStore({ database, now: () => now, bounds: { ...defaultBounds, bytes: 1 } });
  store.bound('revision');
  expect(store.totals('revision').requests).toBe(1n);
});

test('of a revision that is gone nothing stays', () => {
  store.keep('revision', 'replica', answer([bucket(1, 1, 1)], [sighting('path', 's')]));
  store.keepGatewayCounts([{ revision: 'revision', boot: 'g', minute: 1, answered: 1, failed: 0 }]);
  store.remove('revision');
  for (const table of ['minute_count', 'count_total', 'replica_cursor', 'sighting', 'gateway_count'])
    expect(database.prepare(`SELECT count(*) AS rows FROM ${table}`).get(), table).toEqual({ rows: 0 });
});
