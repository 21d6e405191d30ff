import { expect, test } from 'vitest';
import { streamDistance } from './distance.ts';
import type { ReferenceStream } from './reference.ts';

/** A fixed sequence of numbers between 0 and 1 (mulberry32). */
function numbers(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
}

function draw(next: () => number, p: readonly number[], n: number): number[] {
  const counts = p.map(() => 0);
  for (let i = 0; i < n; i += 1) {
    let left = next();
    const cell = p.findIndex((share) => (left -= share) < 0);
    counts[cell === -1 ? p.length - 1 : cell]! += 1; // an index of the same array
  }
  return counts;
}

function stream(counts: number[], n: number): ReferenceStream {
  return { id: 's', group: 'inputs', kind: 'numeric', cells: counts.map(String), counts, n };
}

function sum(counts: readonly number[], n: number) {
  return { n: BigInt(n), counts: new Map(counts.map((count, index) => [index, BigInt(count)])) };
}

const mean = (values: readonly number[]): number => values.reduce((a, b) => a + b, 0) / values.length;

test.each([
  ['two cells', [0.6, 0.4]],
  ['a rare cell', [0.98, 0.02]],
  ['four cells', [0.25, 0.25, 0.25, 0.25]],
  ['a frequent cell and many rare ones', [0.5, ...Array.from({ length: 20 }, () => 0.025)]],
])('what sampling alone gives is what repeated samples give: %s', (_, p) => {
  const next = numbers(7);
  const found = Array.from({ length: 400 }, () =>
    streamDistance(stream(draw(next, p, 2000), 2000), sum(draw(next, p, 500), 500)),
  );
  const distances = found.map((each) => each?.totalVariation ?? 0);
  const average = mean(distances);
  const deviation = Math.sqrt(mean(distances.map((distance) => (distance - average) ** 2)));
  expect(mean(found.map((each) => each?.expectedBySampling ?? 0)) / average).toBeCloseTo(1, 0.8);
  expect(mean(found.map((each) => each?.samplingSpread ?? 0)) / deviation).toBeCloseTo(1, 0.6);
});

test('the cells that gained and lost most are named with their shares', () => {
  const moved = streamDistance(stream([50, 30, 20], 100), sum([20, 30, 50], 100));
  expect(moved).toMatchObject({
    totalVariation: 0.3,
    gained: { cell: '20', from: 0.2, to: 0.5 },
    lost: { cell: '50', from: 0.5, to: 0.2 },
  });
  expect(streamDistance(stream([5, 5], 10), sum([7, 7], 14))).not.toHaveProperty('gained');
});

test('a stream of which one side has counted nothing has no distance', () => {
  expect(streamDistance(stream([0, 0], 0), sum([1, 0], 1))).toBeUndefined();
  expect(streamDistance(stream([1, 0], 1), undefined)).toBeUndefined();
});
