import { expect, test } from 'vitest';
import { mutations, smallSuite } from './mutations.ts';

test('days in which nothing moved raise no alarm beyond the budget, and a fault raises one in time', () => {
  expect([...smallSuite('test')]).toEqual([]);
});

test.each(mutations)('with $name the simulation fails', (mutation) => {
  expect(smallSuite('test', mutation).next().done).toBe(false);
});
