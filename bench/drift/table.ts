import type { Dependence, DependenceResult } from './dependence.ts';
import type { FaultResult } from './faults.ts';
import type { NullResult, NullSetting } from './nulls.ts';

/** Rows of a table in Markdown under their header. */
export function markdown(header: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]): string => `| ${cells.join(' | ')} |`;
  return [line(header), line(header.map(() => '---')), ...rows.map(line)].join('\n');
}

/** Counts as people read them. */
export const whole = (count: number): string => count.toLocaleString('en-US');

/** One row for a setting in which nothing moved. */
export function nullCells(size: string, setting: NullSetting, result: NullResult): readonly string[] {
  return [
    size,
    whole(setting.reference),
    setting.truth === 'population' ? 'the population’s' : 'within 0.9 of the tolerance',
    whole(setting.perMinute),
    `${setting.runs} × ${setting.days} days`,
    whole(result.alarms),
    whole(result.beyondBudget),
    result.closest.toExponential(1),
  ];
}

export const nullHeader = [
  'features',
  'reference',
  'live shares',
  'requests a minute',
  'references',
  'alarms',
  'beyond budget',
  'nearest to an alarm',
];

/** The rate of alarms a year that so few alarms in so many years leave possible: Poisson's one-sided upper bound at 95 %. */
export function upperRate(alarms: number, years: number): number {
  let low = 0;
  let high = 100 + 10 * alarms;
  for (let step = 0; step < 100; step += 1) {
    const mean = (low + high) / 2;
    let term = Math.exp(-mean);
    let sum = term;
    for (let k = 1; k <= alarms; k += 1) {
      term *= mean / k;
      sum += term;
    }
    if (sum > 0.05) low = mean;
    else high = mean;
  }
  return high / years;
}

/** One row for a fault. A median at the end of waiting is said to be more than that. */
export function faultCells(
  name: string,
  reference: number,
  result: FaultResult,
  {
    target,
    longest,
    oracle,
  }: { readonly target: number | undefined; readonly longest: number; readonly oracle: number | undefined },
): readonly string[] {
  const found = (requests: number): string => (requests >= longest ? `> ${whole(longest)}` : whole(requests));
  const share = (runs: number): string => `${Math.round((100 * runs) / result.runs)} %`;
  return [
    name,
    whole(reference),
    found(result.median),
    found(result.ninety),
    oracle === undefined ? '—' : whole(oracle),
    target === undefined ? '—' : `≤ ${whole(target)}`,
    target === undefined ? '—' : result.median <= target ? 'yes' : '**no**',
    share(result.named),
    share(result.othersNamed),
  ];
}

export const faultHeader = [
  'fault',
  'reference',
  'median',
  '90 %',
  'oracle',
  'to reach',
  'reached',
  'right stream named',
  'another named too',
];

/** One row for requests that are not independent. */
export function dependenceCells(
  { name, perMinute }: Dependence,
  { days, alarms, alarmsAccepted, alike }: DependenceResult,
): readonly string[] {
  const inMonth = (count: number): string => ((count * 30) / days).toFixed(1);
  return [name, whole(perMinute), `${days} days`, inMonth(alarms), inMonth(alarmsAccepted), alike.toFixed(1)];
}

export const dependenceHeader = [
  'dependence',
  'requests a minute',
  'simulated',
  'alarms in 30 days',
  'after accepting four weeks',
  'requests alike, as measured',
];
