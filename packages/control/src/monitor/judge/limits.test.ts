import { expect, test } from 'vitest';
import { limitsOf, lowerBound, upperBound } from './limits.ts';

/** From SciPy 1.15: `beta.ppf(level, k, n - k + 1)` and `beta.isf(level, k + 1, n - k)`. */
test.each([
  [0, 8000, 1e-6, 0, 0.0017254485189115286],
  [1, 8000, 1e-6, 1.2500006249222916e-10, 0.002084008444702877],
  [3, 800, 0.01, 0.0005455900572364827, 0.012501223771255648],
  [800, 8000, 1e-6, 0.08476958827029478, 0.11677714739271612],
  [40_000, 80_000, 1e-6, 0.4915914243440752, 0.5084085756559248],
  [7999.5, 8000, 0.01, 0.9992911750040572, 0.9999999901823158],
  [0.25, 100, 0.01, 6.724455054002693e-11, 0.0503114090199682],
])('the bounds of %d of %d at %d are those of SciPy', (k, n, level, lower, upper) => {
  expect(lowerBound(k, n, level)).toBeCloseTo(lower, 12);
  // Relative: the smallest of them is 1e-10.
  expect((lowerBound(k, n, level) - lower) / (lower || 1)).toBeCloseTo(0, 9);
  expect(upperBound(k, n, level)).toBeCloseTo(upper, 12);
});

test('limits are the wider of sampling at the level of the application and the tolerance at one percent', () => {
  const share = 0.1;
  const spread = Math.sqrt(share * (1 - share));
  const large = limitsOf(100_000, 1_000_000, { h: 0.05, level: 1e-6 });
  expect(large.upper).toBeCloseTo(upperBound(100_000, 1_000_000, 0.01) + 0.05 * spread, 12);
  expect(large.lower).toBeCloseTo(lowerBound(100_000, 1_000_000, 0.01) - 0.05 * spread, 12);
  const small = limitsOf(10, 100, { h: 0.05, level: 1e-6 });
  expect(small).toEqual({ lower: lowerBound(10, 100, 1e-6), upper: upperBound(10, 100, 1e-6) });
});

test('nothing seen has no lower side, everything seen no upper one', () => {
  expect(limitsOf(0, 100, { h: 0.05, level: 1e-6 }).lower).toBe(0);
  expect(limitsOf(100, 100, { h: 0.05, level: 1e-6 }).upper).toBe(1);
});

test('more than everything, as only a workload that lies counts it, is everything', () => {
  const tolerance = { h: 0.05, level: 1e-6 };
  expect(limitsOf(1000, 100, tolerance)).toEqual(limitsOf(100, 100, tolerance));
  expect(limitsOf(Number.MAX_SAFE_INTEGER, 100, tolerance).upper).toBe(1);
});
