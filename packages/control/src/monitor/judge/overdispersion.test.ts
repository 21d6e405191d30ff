import { expect, test } from 'vitest';
import { OverdispersionMeter } from './overdispersion.ts';
import { scale } from './stream-detector.ts';

/** Forty requests an hour of which `share(hour)` fall into the first of two cells. */
function measured(hours: number, share: (hour: number) => number) {
  const meter = new OverdispersionMeter([{ id: 'x', kind: 'classes', cells: 2 }]);
  for (let hour = 0; hour < hours; hour += 1) {
    const first = Math.round(40 * share(hour));
    const counts = [first * scale, (40 - first) * scale];
    meter.add({ bucket: 12 * hour, requests: 40, streams: new Map([['x', { n: 40, counts }]]) });
  }
  return meter.measured();
}

test('requests that are all alike for a day vary as often as there are of them in a day', () => {
  const [found] = measured(24 * 40, (hour) => (Math.floor(hour / 24) % 2 === 0 ? 1 : 0));
  expect(found?.minutes).toBe(1440);
  // 960 requests a day that say what one does; 40 days, of which one is spent on the mean.
  expect(found?.factor).toBeCloseTo((960 * 40) / 39, 6);
});

test('shares that never vary are as good as independent', () => {
  expect(measured(24 * 40, () => 0.5)).toMatchObject([{ id: 'x', factor: 1 }]);
});

test('of less than fourteen blocks nothing is said', () => {
  expect(measured(13, () => 0.5)).toEqual([]);
});
