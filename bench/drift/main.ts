import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { fifth, five } from './application.ts';
import { correlationFaults, runCorrelation } from './correlation.ts';
import { dependences, runDependence } from './dependence.ts';
import { faults, faultSettings, runFaults } from './faults.ts';
import { mutations, smallSuite } from './mutations.ts';
import { runNull, type NullResult, type NullSetting } from './nulls.ts';
import {
  dependenceCells,
  dependenceHeader,
  faultCells,
  faultHeader,
  markdown,
  nullCells,
  nullHeader,
  upperRate,
} from './table.ts';

/**
 * `npm run bench:drift`: tries the code that judges (docs/design/monitors.md) on simulated counts, prints what came of it and writes the tables into that
 * page. `--only nulls,faults,dependence,mutations` runs some parts: each has chance of its own, so its figures are those of a whole run. `--seed TEXT` tries other chance,
 * `--years N` more of it for each setting in which nothing moves; then the page stays as it is.
 */
const defaults = { seed: 'drift 2026-11-25', years: '1' };
const parts: Readonly<Record<string, () => string>> = {
  nulls: nullSection,
  faults: faultSection,
  dependence: dependenceSection,
  mutations: mutationSection,
};
const { values } = parseArgs({
  options: {
    seed: { type: 'string', default: defaults.seed },
    years: { type: 'string', default: defaults.years },
    only: { type: 'string', default: Object.keys(parts).join(',') },
  },
});
const { seed } = values;
const years = Number(values.years);
const runsAYear = 3;
const longest = 200_000;
const started = performance.now();
const isOfThePage = seed === defaults.seed && values.years === defaults.years;

for (const name of values.only.split(',')) {
  const part = parts[name];
  if (part === undefined) throw new Error(`there is no part ${name}: ${Object.keys(parts).join(', ')}`);
  const text = part();
  console.log(`${text}\n`);
  if (isOfThePage) writePage(name, text);
}
console.error(`bench:drift took ${((performance.now() - started) / 60_000).toFixed(1)} minutes`);
if (!isOfThePage) {
  console.error(
    'bench:drift: not the seed and years of the page, so docs/design/monitors.md stays as it was',
  );
}

function say(cells: readonly string[]): readonly string[] {
  console.error(`bench:drift: ${cells.join(', ')}`);
  return cells;
}

function nullSection(): string {
  const settings = [
    { size: five, title: '5' },
    { size: fifth, title: '50' },
  ].flatMap(({ size, title }) =>
    [1000, 10_000, 100_000].flatMap((reference) =>
      (['population', 'nearby'] as const).flatMap((truth) =>
        [1, 10, 100].map((perMinute): { title: string; setting: NullSetting } => ({
          title,
          setting: {
            size,
            reference,
            truth,
            perMinute,
            falseAlarmsPerYear: 1,
            runs: Math.round(runsAYear * years),
            days: Math.round(365 / runsAYear),
          },
        })),
      ),
    ),
  );
  const results: NullResult[] = [];
  const rows = settings.map(({ title, setting }) => {
    const result = runNull(
      setting,
      `${seed} ${title} ${setting.reference} ${setting.truth} ${setting.perMinute}`,
    );
    results.push(result);
    return say(nullCells(title, setting, result));
  });
  const all = results.reduce((sum, result) => sum + result.years, 0);
  const alarms = results.reduce((sum, result) => sum + result.alarms, 0);
  const each = results.map((result) => upperRate(result.alarms, result.years));
  return [
    '### Nothing moves, budget of 1 false alarm a year',
    '',
    markdown(nullHeader, rows),
    '',
    `${alarms} alarms in ${all.toFixed(0)} application-years over ${results.length * Math.round(runsAYear * years)} references: at most ${upperRate(alarms, all).toFixed(2)} a year with 95 % confidence over all settings together, ` +
      `${Math.max(...each).toFixed(2)} for the worst by itself.`,
  ].join('\n');
}

function faultSection(): string {
  const rows: (readonly string[])[] = [];
  for (const [reference, runs] of [
    [10_000, 60],
    [1000, 60],
    [100_000, 24],
  ] as const) {
    const setting = { reference, perMinute: 10, runs, settings: faultSettings, longest };
    const told = reference === 10_000;
    for (const [fault, result] of runFaults(faults, setting, `${seed} faults ${reference}`)) {
      const about = { target: fault.target[reference], longest, oracle: told ? fault.oracle : undefined };
      rows.push(say(faultCells(fault.name, reference, result, about)));
    }
    for (const fault of correlationFaults) {
      const result = runCorrelation(
        fault,
        { ...setting, runs: told ? 40 : 20, reference: Math.min(reference, 20_000) },
        seed,
      );
      const about = { target: fault.target[reference], longest, oracle: told ? fault.oracle : undefined };
      rows.push(say(faultCells(fault.name, Math.min(reference, 20_000), result, about)));
    }
  }
  return [
    '### Something moves, 50 features, 10 requests a minute, budget of 0.2',
    '',
    'Requests from the fault to the alarm, in steps of a bucket (50). Runs: 60 at 10,000 and at 1,000 requests of the reference, 24 at 100,000; of correlations 40, 20 and 20.',
    '',
    markdown(faultHeader, rows),
  ].join('\n');
}

function dependenceSection(): string {
  const rows = dependences.map((dependence) => {
    const name = `${seed} ${dependence.name} ${dependence.perMinute}`;
    return say(
      dependenceCells(dependence, runDependence(dependence, { runs: 3, days: 60, reference: 10_000 }, name)),
    );
  });
  return [
    '### Requests that depend on each other or on the hour, budget of 1',
    '',
    'One number of five features, 10,000 requests of the reference, 3 references. The promise does not cover these. Beside it the same days judged against four weeks before them that were accepted, with the factor measured on those.',
    '',
    markdown(dependenceHeader, rows),
  ].join('\n');
}

function mutationSection(): string {
  const rows = [undefined, ...mutations].map((mutation) => {
    const [failure] = smallSuite(seed, mutation);
    return say([mutation?.name ?? '(none: what ships)', failure ?? 'nothing fails']);
  });
  return ['### Spoiled procedures', '', markdown(['what is spoiled', 'what then fails first'], rows)].join(
    '\n',
  );
}

function writePage(part: string, text: string): void {
  const page = join(import.meta.dirname, '../../docs/design/monitors.md');
  const [begin, end] = [`<!-- bench:drift:${part}:begin -->`, `<!-- bench:drift:${part}:end -->`];
  const old = readFileSync(page, 'utf8');
  const from = old.indexOf(begin);
  const to = old.indexOf(end);
  if (from === -1 || to < from) throw new Error(`${page} has no place for ${part}`);
  writeFileSync(page, `${old.slice(0, from + begin.length)}\n${text}\n${old.slice(to)}`);
}
