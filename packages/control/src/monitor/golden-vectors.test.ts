import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { array, assert, nat, property, shuffledSubarray } from 'fast-check';
import { expect, test } from 'vitest';
import { BucketReader } from './bucket.ts';
import { streamDistance } from './distance.ts';
import { FiveMinutes } from './five-minutes.ts';
import { readReference } from './reference.ts';
import { BucketSums, countsRow } from './stream-sums.ts';

/** What the runtime wrote, and what its own arithmetic made of it (tests/fixtures/wire/README.md). */
const folder = join(import.meta.dirname, '../../../../tests/fixtures/wire');
const bytes = (name: string): Buffer => readFileSync(join(folder, name));
const parsed = (name: string): unknown => JSON.parse(bytes(name).toString('utf8'));

const reader = new BucketReader();

interface Merged {
  readonly requests: number;
  readonly rows: number;
  readonly failures: number;
  readonly refused: number;
  readonly late: number;
  readonly streams: Record<string, { n: number; counts: number[]; totalVariation: number }>;
}

function sums(order: readonly string[]): BucketSums {
  const sum = new BucketSums();
  for (const name of order) {
    const answer = reader.read(bytes(name));
    if (answer === undefined) throw new Error(`${name} is not of the agreed shape`);
    for (const bucket of answer.buckets) sum.add(bucket);
  }
  return sum;
}

test('the sums of two replicas are the integers that Python gets, in either order', () => {
  // The shape is that of our own fixture, written by runtime/tests/wire_vectors.py.
  const merged = parsed('merged.json') as Merged;
  for (const order of [
    ['buckets-r1.json', 'buckets-r2.json'],
    ['buckets-r2.json', 'buckets-r1.json'],
  ]) {
    const sum = sums(order);
    expect([sum.requests, sum.rows, sum.failures, sum.refused, sum.late].map(Number)).toEqual([
      merged.requests,
      merged.rows,
      merged.failures,
      merged.refused,
      merged.late,
    ]);
    expect([...sum.streams.keys()].toSorted()).toEqual(Object.keys(merged.streams).toSorted());
    for (const [id, stream] of Object.entries(merged.streams)) {
      const own = sum.streams.get(id);
      expect(own?.n, id).toBe(BigInt(stream.n));
      expect(countsRow(own, stream.counts.length), id).toEqual(stream.counts.map(BigInt));
    }
  }
});

test('distances are bit for bit those that Python gets', () => {
  const merged = parsed('merged.json') as Merged;
  const reference = readReference(parsed('reference.json'));
  const sum = sums(['buckets-r1.json', 'buckets-r2.json']);
  const found = reference?.streams.map((stream) => [
    stream.id,
    streamDistance(stream, sum.streams.get(stream.id))?.totalVariation,
  ]);
  expect(Object.fromEntries(found ?? [])).toEqual(
    Object.fromEntries(Object.entries(merged.streams).map(([id, stream]) => [id, stream.totalVariation])),
  );
});

test('any order and any split into minutes, replicas and records gives the same integers', () => {
  const buckets = ['buckets-r1.json', 'buckets-r2.json'].flatMap(
    (name) => reader.read(bytes(name))?.buckets ?? [],
  );
  const whole = sums(['buckets-r1.json', 'buckets-r2.json']);
  assert(
    property(
      shuffledSubarray(buckets, { minLength: buckets.length }),
      array(nat(2), { minLength: buckets.length, maxLength: buckets.length }),
      (order, parts) => {
        // Three readers that each have a part, of which each is kept as text and read again, as the records do.
        const readers = [0, 1, 2].map((part) => {
          const sum = new BucketSums();
          for (const [at, bucket] of order.entries()) if (parts[at] === part) sum.add(bucket);
          return BucketSums.fromText(sum.toText());
        });
        for (const { id, cells } of readReference(parsed('reference.json'))?.streams ?? []) {
          const rows = readers.map((sum) => countsRow(sum.streams.get(id), cells.length));
          const merged = cells.map((_, cell) => rows.reduce((total, row) => total + (row[cell] ?? 0n), 0n));
          expect(merged, id).toEqual(countsRow(whole.streams.get(id), cells.length));
        }
      },
    ),
    { numRuns: 20 },
  );
});

test('buckets of five minutes hold the integers of their minutes', () => {
  const reference = readReference(parsed('reference.json'));
  const minutes = ['buckets-r2.json', 'buckets-r1.json']
    .flatMap((name) => reader.read(bytes(name))?.buckets ?? [])
    .toSorted((a, b) => a.minute - b.minute);
  const five = new FiveMinutes(reference?.streams ?? []);
  const judged = [...minutes.map((minute) => five.add(minute)), five.end()].flatMap((bucket) => bucket ?? []);
  const whole = sums(['buckets-r1.json', 'buckets-r2.json']);
  for (const { id, cells } of reference?.streams ?? []) {
    const row = cells.map((_, cell) =>
      judged.reduce((total, { streams }) => total + BigInt(streams.get(id)?.counts[cell] ?? 0), 0n),
    );
    expect(row, id).toEqual(countsRow(whole.streams.get(id), cells.length));
  }
});
