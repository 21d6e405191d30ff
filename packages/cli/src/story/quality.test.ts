import { expect, test } from 'vitest';
import { qualityOf } from './quality.ts';

test('a perfect ranking has an area of one, a useless one of a half', () => {
  const perfect = [0.1, 0.2, 0.8, 0.9].map((probability) => ({ probability, late: probability > 0.5 }));
  expect(qualityOf(perfect)).toMatchObject({ flights: 4, late: 2, auc: 1, right: 1 });
  const useless = [true, false, true, false].map((late) => ({ probability: 0.3, late }));
  expect(qualityOf(useless)?.auc).toBe(0.5);
});

test('certainty that is wrong costs much, but not infinitely much', () => {
  const loss = qualityOf([{ probability: 0, late: true }])?.logLoss;
  expect(loss).toBeCloseTo(-Math.log(1e-6), 9);
});

test('of one kind of flight only, no ranking can be judged', () => {
  expect(qualityOf([{ probability: 0.2, late: false }])?.auc).toBeUndefined();
  expect(qualityOf([])).toBeUndefined();
});
