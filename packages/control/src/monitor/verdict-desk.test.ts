import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { beforeEach, expect, onTestFinished, test } from 'vitest';
import { readRecordLine } from '@galley/api/http/verdict-record';
import type { Verdict } from '@galley/api/kind/verdict';
import { someRevision } from '../kind/test-objects.ts';
import { openDatabase } from '../store/database.ts';
import { DecisionStore } from '../store/decision-store.ts';
import { MonitorStore } from '../store/monitor-store.ts';
import { Judging } from './judge/judging.ts';
import type { Reference } from './reference.ts';
import { VerdictDesk } from './verdict-desk.ts';

const scale = 2 ** 20;
/** The beginning of a day, in minutes since 1970. */
const start = 15_278 * 1440;
const revision = someRevision(1);
const { uid } = revision.metadata;
const reference: Reference = {
  schema: 'galley.dev/reference/v1',
  origin: 'held-out',
  requests: 10_000,
  streams: [
    stream('input/x', 'inputs', [4000, 4000, 2000], ['low', 'high', 'null']),
    stream('prediction', 'predictions', [7000, 3000], ['no', 'yes']),
    stream('path/n.ipynb#f', 'paths', [9900, 100, 0], ['1', 'unseen', 'exception']),
  ],
};

function stream(id: string, group: string, requests: readonly number[], cells: readonly string[]) {
  const counts = requests.map((count) => count * scale);
  return { id, group, kind: 'classes', cells: [...cells], counts, n: 10_000 };
}

let folder: string;
let counts: MonitorStore;
let decisions: DecisionStore;
let now: number;
let close: () => void;

function open(): VerdictDesk {
  const database = openDatabase(join(folder, 'galley.db'));
  close = () => database.close();
  counts = new MonitorStore({ database, now: () => now });
  decisions = new DecisionStore(database);
  return new VerdictDesk({ counts, decisions, now: () => now });
}

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'galley-verdict-'));
  now = 1;
  onTestFinished(() => {
    close();
    rmSync(folder, { recursive: true });
  });
});

/** Tells control of a minute of a replica: 100 requests, so many of them with x null. */
function tell(minute: number, nulls: number, replica = 'r0'): void {
  now += 1;
  const streams = {
    'input/x': counted([(100 - nulls) / 2, (100 - nulls) / 2, nulls]),
    prediction: counted([70, 30]),
    'path/n.ipynb#f': counted([99, 1, 0]),
  };
  const bucket = {
    seq: now,
    minute: start + minute,
    requests: 100,
    rows: 100,
    failures: 0,
    late: 0,
    streams,
  };
  counts.keep(uid, replica, {
    schema: 'galley.dev/buckets/v1',
    boot: 'b',
    seq: now,
    buckets: [bucket],
    events: [],
  });
}

function counted(requests: readonly number[]) {
  return { n: 100, counts: Object.fromEntries(requests.map((count, cell) => [cell, count * scale])) };
}

/** The verdict that follows from the record, made where nothing else is known, and the one in its last line. */
async function replayed(desk: VerdictDesk): Promise<readonly (Verdict | undefined)[]> {
  let judging: Judging | undefined;
  let recorded: Verdict | undefined;
  for await (const line of desk.record(revision, reference)) {
    const read = readRecordLine(JSON.parse(JSON.stringify(line)));
    if (read === undefined) throw new Error('not a line of a record');
    if ('head' in read) judging = new Judging(read.head.streams, read.head.settings);
    else if ('bucket' in read) {
      judging?.add({ ...read.bucket, streams: new Map(read.bucket.streams.map((each) => [each.id, each])) });
    } else recorded = read.end.verdict;
  }
  return [judging?.verdict(), recorded];
}

test('looking often, once, after a restart and from the record all give one verdict', async () => {
  let desk = open();
  for (let minute = 0; minute < 120; minute += 1) {
    tell(minute, minute < 60 ? 20 : 28);
    if (minute % 7 === 0) await desk.verdict(revision, reference, {});
  }
  const often = await desk.verdict(revision, reference, {});
  expect(often).toMatchObject({ state: 'drifting', streams: 3, requests: 12_000, buckets: 24 });
  expect(await replayed(desk)).toEqual([often, often]);
  close();
  desk = open();
  expect(await desk.verdict(revision, reference, {})).toEqual(often);
});

test('an alarm names the column that moved, from where to where and since when', async () => {
  const desk = open();
  for (let minute = 0; minute < 120; minute += 1) tell(minute, minute < 60 ? 20 : 30);
  const { moved, alarmAt } = await desk.verdict(revision, reference, {});
  expect(moved).toMatchObject([{ id: 'input/x', cells: ['null'], from: 0.2, referenceRequests: 10_000 }]);
  expect(moved[0]?.to).toBeCloseTo(0.3, 2);
  const at = (minute: number): string => new Date((start + minute) * 60_000).toISOString();
  expect(moved[0]?.since).toSatisfy((since: string) => since >= at(55) && since <= at(70));
  expect(alarmAt).toSatisfy((time: string) => time > at(60));
});

test('counts that come late, of another replica, are judged in the order of their time', async () => {
  const desk = open();
  for (let minute = 0; minute < 60; minute += 1) tell(minute, 20);
  await desk.verdict(revision, reference, {});
  for (let minute = 0; minute < 60; minute += 1) tell(minute, 20, 'r1');
  const late = await desk.verdict(revision, reference, {});
  expect(late.requests).toBe(12_000);
  expect(await replayed(desk)).toEqual([late, late]);
});

test('few requests are blind and say how many more, enough are ok', async () => {
  const desk = open();
  tell(0, 20);
  const few = await desk.verdict(revision, reference, {});
  expect(few.state).toBe('blind');
  expect(few.needs).toBeGreaterThan(100);
  for (let minute = 1; minute * 100 <= (few.needs ?? 0) + 100; minute += 1) tell(minute, 20);
  expect(await desk.verdict(revision, reference, {})).toMatchObject({ state: 'ok', moved: [] });
});

test('an alarm stays when what moved moves back, until somebody acknowledges it', async () => {
  const desk = open();
  for (let minute = 0; minute < 60; minute += 1) tell(minute, 40);
  for (let minute = 60; minute < 600; minute += 1) tell(minute, 20);
  expect(await desk.verdict(revision, reference, {})).toMatchObject({ state: 'drifting' });
  const decision = await desk.decide(revision, reference, {
    kind: 'acknowledge',
    by: 'ada',
    reason: 'the feed is back',
  });
  for (let minute = 600; minute < 660; minute += 1) tell(minute, 20);
  const after = await desk.verdict(revision, reference, {});
  expect(after).toMatchObject({ state: 'ok', requests: 6000, decision });
});

test('accepted requests are the reference from then on', async () => {
  const desk = open();
  for (let minute = 0; minute < 60; minute += 1) tell(minute, 40);
  const since = new Date(start * 60_000).toISOString();
  const decision = await desk.decide(revision, reference, { kind: 'accept', by: 'ada', since });
  expect(decision.requests).toBe(6000);
  for (let minute = 60; minute < 120; minute += 1) tell(minute, 40);
  expect(await desk.verdict(revision, reference, {})).toMatchObject({ state: 'ok', moved: [] });
  for (let minute = 120; minute < 180; minute += 1) tell(minute, 20);
  const { moved } = await desk.verdict(revision, reference, {});
  expect(moved).toMatchObject([{ id: 'input/x', from: 0.4, referenceRequests: 6000 }]);
});

test('too few requests cannot be accepted, none cannot be acknowledged', async () => {
  const desk = open();
  await expect(desk.decide(revision, reference, { kind: 'acknowledge', by: 'ada' })).rejects.toMatchObject({
    code: 'OBJECT_INVALID',
  });
  tell(0, 20);
  const since = new Date(start * 60_000).toISOString();
  await expect(desk.decide(revision, reference, { kind: 'accept', by: 'ada', since })).rejects.toMatchObject({
    code: 'OBJECT_INVALID',
    message: 'This decision: since leaves 100 requests: a reference needs 500.',
  });
});

test('the budget of galley.yaml decides where the alarm is', async () => {
  const desk = open();
  tell(0, 20);
  const strict = {
    ...revision,
    metadata: { ...revision.metadata, uid: 'another' },
    spec: { ...revision.spec, monitor: { falseAlarmsPerYear: 10, tolerance: 0.1, requestsAlike: 4 } },
  };
  expect(await desk.verdict(strict, reference, {})).toMatchObject({
    falseAlarmsPerYear: 10,
    tolerance: 0.1,
    requestsAlike: 4,
    threshold: Math.log10(10_512),
  });
});

test('what was accepted over weeks says how much alike its requests are, and days that differ as those did are no alarm', async () => {
  const desk = open();
  const day = 1440;
  // A minute an hour; every day is of one of two kinds.
  const days = (from: number, to: number): void => {
    for (let hour = from * 24; hour < to * 24; hour += 1) {
      tell(hour * 60, Math.floor(hour / 24) % 2 === 0 ? 10 : 30);
    }
  };
  days(0, 20);
  expect(await desk.verdict(revision, reference, {})).toMatchObject({ state: 'drifting' });
  const since = new Date(start * 60_000).toISOString();
  const decision = await desk.decide(revision, reference, { kind: 'accept', by: 'ada', since });
  const [most] = decision.alike ?? [];
  expect(most?.id).toBe('input/x');
  expect(most?.factor).toBeGreaterThan(100);
  days(20, 40);
  expect(await desk.verdict(revision, reference, {})).toMatchObject({ moved: [] });
  for (let hour = 40 * 24; hour < 60 * 24; hour += 1) tell(hour * 60, 60);
  const { moved } = await desk.verdict(revision, reference, {});
  expect(moved).toMatchObject([{ id: 'input/x' }]);
  expect(Date.parse(moved[0]?.since ?? '')).toBeGreaterThan((start + 39 * day) * 60_000);
});

test('a look that is under way when an alarm is acknowledged does not bring it back', async () => {
  const desk = open();
  for (let minute = 0; minute < 60; minute += 1) tell(minute, 40);
  const looks = Array.from({ length: 3 }, () => desk.verdict(revision, reference, {}));
  const decision = desk.decide(revision, reference, { kind: 'acknowledge', by: 'ada' });
  const later = desk.verdict(revision, reference, {});
  expect((await Promise.all(looks)).map(({ state }) => state)).toEqual(['drifting', 'drifting', 'drifting']);
  await decision;
  expect(await later).toMatchObject({ state: 'blind', requests: 0, moved: [] });
  expect(await desk.verdict(revision, reference, {})).toMatchObject({ state: 'blind', requests: 0 });
});
