import { expect, test } from 'vitest';
import { defaultSettings, Detector, type JudgedStream, type StreamCounts } from './detector.ts';
import { limitsOf } from './limits.ts';
import { scale } from './stream-detector.ts';

function stream(id: string, group: string, requests: readonly number[]): JudgedStream {
  const n = requests.reduce((sum, count) => sum + count, 0);
  return { id, group, kind: 'classes', counts: requests.map((count) => count * scale), n };
}

function counted(requests: readonly number[]): StreamCounts {
  const n = requests.reduce((sum, count) => sum + count, 0);
  return { n, counts: requests.map((count) => count * scale) };
}

test('evidence is the mean of the statistics that docs/design/monitors.md writes down', () => {
  const detector = new Detector([stream('a', 'inputs', [700, 300])], defaultSettings);
  const level = 0.01 / (2 * 2);
  const buckets = [
    [6, 4],
    [1, 9],
  ] as const;
  let sum = 0;
  for (const [cell, share] of [700, 300].entries()) {
    const { lower, upper } = limitsOf(share, 1000, { h: 0.05, level });
    for (const bet of [0.1, 0.3, 1, 3]) {
      let [above, below] = [0, 0];
      for (const bucket of buckets) {
        const held = bucket[cell] ?? 0;
        above = (above + 1) * Math.exp(bet * held - 10 * Math.log(1 - upper + upper * Math.exp(bet)));
        below = (below + 1) * Math.exp(-bet * held - 10 * Math.log(1 - lower + lower * Math.exp(-bet)));
      }
      sum += above + below;
    }
  }
  for (const bucket of buckets) detector.add(new Map([['a', counted(bucket)]]));
  expect(detector.evidence / (sum / 16)).toBeCloseTo(1, 10);
});

test('the threshold is the buckets of a year over the budget', () => {
  const { threshold } = new Detector([], { ...defaultSettings, falseAlarmsPerYear: 0.5 });
  expect(threshold).toBe(210_240);
});

test('groups share the whole weight by what is there, streams of a group alike', () => {
  const detector = new Detector(
    [
      stream('a', 'inputs', [500, 500]),
      stream('b', 'inputs', [500, 500]),
      stream('c', 'paths', [500, 500]),
      stream('d', 'secrets', [500, 500]),
    ],
    defaultSettings,
  );
  const weights = detector.evidences().map(({ id, weight }) => [id, weight]);
  expect(Object.fromEntries(weights)).toEqual({ a: 1 / 3, b: 1 / 3, c: 1 / 3 });
});

test('a stream that moved is named, and one that did not is not', () => {
  const detector = new Detector(
    [stream('a', 'inputs', [5000, 5000]), stream('b', 'inputs', [5000, 5000])],
    defaultSettings,
  );
  while (detector.evidence < detector.threshold) {
    detector.add(
      new Map([
        ['a', counted([25, 25])],
        ['b', counted([10, 40])],
      ]),
    );
  }
  expect(detector.named().map(({ id }) => id)).toEqual(['b']);
  // Of two cells one's gain is the other's loss.
  expect(detector.loudest('b')?.cells.length).toBe(1);
});

test('a bucket without requests, and streams that nobody knows, change nothing', () => {
  const detector = new Detector([stream('a', 'inputs', [500, 500])], defaultSettings);
  detector.add(new Map([['a', counted([3, 7])]]));
  const { evidence } = detector;
  detector.add(
    new Map([
      ['a', counted([0, 0])],
      ['z', counted([1, 1])],
    ]),
  );
  expect(detector.evidence).toBe(evidence);
});

test('what is remembered gives the same evidence in another detector, to the last bit', () => {
  const reference = [stream('a', 'inputs', [700, 300]), stream('b', 'paths', [900, 90, 10])];
  const [one, other] = [new Detector(reference, defaultSettings), new Detector(reference, defaultSettings)];
  const bucket = new Map([
    ['a', counted([3, 7])],
    ['b', counted([8, 1, 1])],
  ]);
  for (let at = 0; at < 50; at += 1) one.add(bucket);
  other.restore(one.remembered());
  expect(other.evidence).toBe(one.evidence);
  one.add(bucket);
  other.add(bucket);
  expect(other.evidence).toBe(one.evidence);
});

test('whatever comes, evidence is a number', () => {
  const detector = new Detector([stream('a', 'inputs', [700, 300, 0])], defaultSettings);
  for (const bucket of [
    [0, 0, 1e6],
    [1e6, 0, 0],
    [0, 0, 1e9],
    [1, 0, 0],
  ] as const) {
    for (let at = 0; at < 20; at += 1) detector.add(new Map([['a', counted(bucket)]]));
    expect(Number.isFinite(detector.evidence)).toBe(true);
  }
});
