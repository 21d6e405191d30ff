import type { JudgedStream } from '@galley/control/monitor/judge/detector';
import { scale } from '@galley/control/monitor/judge/stream-detector';
import type { Random } from './random.ts';
import { Multinomial } from './shares.ts';

/** A stream of a simulated application: what its reference holds, and the shares that its population has. */
export interface SimulatedStream {
  readonly stream: JudgedStream;
  readonly truth: readonly number[];
}

/** A reference of so many requests. */
export interface Sampling {
  readonly requests: number;
  readonly random: Random;
  /** A mutation: what a cell is is decided by the very rows that are counted. */
  readonly dictionaryFromAll?: boolean;
}

const dictionaryShare = 0.2;

/** Requests of the reference that decide what cells are, and those that are counted. */
function split({ requests, dictionaryFromAll }: Sampling): { deciding: number; counted: number } {
  if (dictionaryFromAll === true) return { deciding: requests, counted: requests };
  const deciding = Math.round(requests * dictionaryShare);
  return { deciding, counted: requests - deciding };
}

/**
 * Numbers of a continuous column: bins at deciles of all rows, so that the true share of each is a spacing of order statistics, Dirichlet
 * whatever the distribution. Special cells stay empty.
 */
export function numbers(id: string, group: string, sampling: Sampling, specials = 5): SimulatedStream {
  const { requests, random } = sampling;
  const { counted } = split(sampling);
  const bins = 10;
  const spacings = [1, ...Array.from({ length: bins }, () => requests / bins), 1].map((shape) =>
    random.gamma(shape),
  );
  const whole = spacings.reduce((sum, spacing) => sum + spacing, 0);
  const none = Array.from({ length: specials }, () => 0);
  const thinned = spacings.map((_, cell) =>
    cell === 0 || cell === bins + 1 ? 0 : random.binomial(requests / bins, counted / requests),
  );
  const edges = Array.from({ length: bins + 1 }, (_, edge) => edge);
  return {
    stream: { ...streamOf(id, group, 'numeric', [...thinned, ...none]), edges, atoms: [] },
    truth: [...spacings.map((spacing) => spacing / whole), ...none],
  };
}

/** A column of categories of such shares, as `_category.py` makes its cells: the 64 most frequent with 20 rows, other, unseen, null, wrong type. */
export function categories(
  id: string,
  group: string,
  shares: readonly number[],
  sampling: Sampling,
): SimulatedStream {
  const { random } = sampling;
  const { deciding, counted } = split(sampling);
  const draw = new Multinomial(shares);
  const dictionary = new Float64Array(shares.length);
  draw.draw(deciding, random, dictionary);
  const rows = dictionary.slice();
  if (sampling.dictionaryFromAll !== true) draw.draw(counted, random, rows);
  const frequent = [...dictionary.keys()]
    .filter((value) => (dictionary[value] ?? 0) >= 20)
    .sort((a, b) => (dictionary[b] ?? 0) - (dictionary[a] ?? 0))
    .slice(0, 64);
  const cell = new Map(frequent.map((value, index) => [value, index]));
  const cellOf = (value: number): number =>
    cell.get(value) ?? frequent.length + ((dictionary[value] ?? 0) > 0 ? 0 : 1);
  const gather = (amounts: ArrayLike<number>): number[] => {
    const sums = Array.from({ length: frequent.length + 4 }, () => 0);
    for (let value = 0; value < amounts.length; value += 1) {
      const at = cellOf(value);
      sums[at] = (sums[at] ?? 0) + (amounts[value] ?? 0);
    }
    return sums;
  };
  return { stream: streamOf(id, group, 'categorical', gather(rows)), truth: gather(shares) };
}

/** A value of its own in every row: all live ones are unseen. */
export function rowIds(id: string, sampling: Sampling): SimulatedStream {
  const { counted } = split(sampling);
  const all = sampling.dictionaryFromAll === true;
  return {
    stream: streamOf(id, 'inputs', 'categorical', all ? [counted, 0, 0, 0] : [0, counted, 0, 0]),
    truth: [0, 1, 0, 0],
  };
}

/** Cells that are known without looking: classes, with other and failure; a pair's four. */
export function fixed(
  id: string,
  group: string,
  kind: string,
  shares: readonly number[],
  sampling: Sampling,
): SimulatedStream {
  const counts = new Float64Array(shares.length);
  const { counted } = split(sampling);
  new Multinomial(shares).draw(counted, sampling.random, counts);
  return { stream: streamOf(id, group, kind, [...counts]), truth: shares };
}

/** Paths of a function: those that the deciding requests took, then unseen and exception. */
export function paths(id: string, shares: readonly number[], sampling: Sampling): SimulatedStream {
  const { random } = sampling;
  const { deciding, counted } = split(sampling);
  const draw = new Multinomial(shares);
  const dictionary = new Float64Array(shares.length);
  draw.draw(deciding, random, dictionary);
  const rows = dictionary.slice();
  if (sampling.dictionaryFromAll !== true) draw.draw(counted, random, rows);
  const known = [...shares.keys()].filter((path) => (dictionary[path] ?? 0) > 0);
  const gather = (amounts: ArrayLike<number>): number[] => [
    ...known.map((path) => amounts[path] ?? 0),
    [...shares.keys()].reduce((sum, path) => (known.includes(path) ? sum : sum + (amounts[path] ?? 0)), 0),
    0,
  ];
  return { stream: streamOf(id, 'paths', 'paths', gather(rows)), truth: gather(shares) };
}

function streamOf(id: string, group: string, kind: string, requests: readonly number[]): JudgedStream {
  const n = requests.reduce((sum, count) => sum + count, 0);
  return { id, group, kind, counts: requests.map((count) => count * scale), n };
}
