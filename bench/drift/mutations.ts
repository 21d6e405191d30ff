import { five, type Mutation } from './application.ts';
import { faults, faultSettings, runFaults } from './faults.ts';
import { runNull, type NullSetting } from './nulls.ts';

/** Ways to spoil the procedure, each of which must make `smallSuite` fail (docs/design/monitors.md). */
export const mutations: readonly Mutation[] = [
  { name: 'a budget of 0', settings: { falseAlarmsPerYear: 0 } },
  { name: 'no tolerance', settings: { tolerance: 0 } },
  { name: 'one request too few a bucket', requestsOff: -1 },
  { name: 'upper and lower limits exchanged', swappedSides: true },
  { name: 'dictionaries from the rows that are counted', dictionaryFromAll: true },
];

/** Ten alarms a year and a hundredth: a fault that needs a year to show at budget 1 shows here in days. */
const budget = 36.5;
const small: readonly Omit<NullSetting, 'size' | 'falseAlarmsPerYear'>[] = [
  { reference: 1000, perMinute: 100, truth: 'population', runs: 4, days: 2 },
  { reference: 100_000, perMinute: 100, truth: 'nearby', runs: 2, days: 2 },
  { reference: 10_000, perMinute: 1, truth: 'population', runs: 2, days: 5 },
];

/** What fails, a sentence each as it is found; nothing of the procedure that ships. Takes some seconds. */
export function* smallSuite(seed: string, mutation?: Mutation): Generator<string> {
  for (const setting of small) {
    const { alarms, years } = runNull({ ...setting, size: five, falseAlarmsPerYear: budget }, seed, mutation);
    // Twice what the budget allows: that often by chance in one run of hundreds.
    if (alarms > 2 * budget * years) {
      yield `${alarms} alarms in ${(years * 365).toFixed(0)} days in which nothing moved`;
    }
  }
  const wanted = faults.filter(({ name }) => name.includes('h = 0.5') || name.includes('5 % null'));
  const found = runFaults(
    wanted,
    { reference: 10_000, perMinute: 10, runs: 3, settings: faultSettings, longest: 2000 },
    seed,
    mutation,
  );
  for (const [{ name, target }, { median }] of found) {
    const most = target[10_000] ?? 0;
    if (median > most) yield `${name}: not found within ${most} requests, as promised`;
  }
}
