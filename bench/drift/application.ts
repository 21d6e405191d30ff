import { Detector, type JudgeSettings, type JudgedStream } from '@galley/control/monitor/judge/detector';
import { limitsOf } from '@galley/control/monitor/judge/limits';
import {
  categories,
  fixed,
  numbers,
  paths,
  rowIds,
  type Sampling,
  type SimulatedStream,
} from './population.ts';
import { moved, zipf } from './shares.ts';

/** How many streams of each kind. */
export interface Size {
  readonly numbers: number;
  readonly zipf: number;
  readonly ids: number;
  readonly projections: number;
  readonly pairs: number;
  readonly functions: number;
}

/** Five features: three numbers, a heavy-tailed category, row ids. */
export const five: Size = { numbers: 3, zipf: 1, ids: 1, projections: 8, pairs: 3, functions: 2 };
/** Fifty features in full: 32 projections, every pair of 32 columns. */
export const fifty: Size = { numbers: 40, zipf: 8, ids: 2, projections: 32, pairs: 496, functions: 4 };
/** A fifth of the fifty, each stream with five times its weight: for years of buckets. */
export const fifth: Size = { numbers: 8, zipf: 2, ids: 1, projections: 8, pairs: 32, functions: 2 };

/** Streams of a simulated application, with a new reference. */
export function applicationOf(size: Size, sampling: Sampling): readonly SimulatedStream[] {
  const { random } = sampling;
  const each = <T>(count: number, make: (index: number) => T): T[] =>
    Array.from({ length: count }, (_, i) => make(i));
  return [
    ...each(size.numbers, (i) => numbers(`number/${i}`, 'inputs', sampling)),
    // Zipf 1.0 over 5,000 values, and milder ones between.
    ...each(size.zipf, (i) =>
      categories(`zipf/${i}`, 'inputs', i % 2 === 0 ? zipf(5000, 1) : zipf(60, 1.2), sampling),
    ),
    ...each(size.ids, (i) => rowIds(`id/${i}`, sampling)),
    ...each(size.projections, (i) => numbers(`projection/${i}`, 'joint', sampling, 0)),
    ...each(size.pairs, (i) => {
      const together = 0.25 + Math.asin(2 * random.next() - 1) / (2 * Math.PI);
      return fixed(
        `pair/${i}`,
        'joint',
        'pair',
        [together, 0.5 - together, 0.5 - together, together],
        sampling,
      );
    }),
    fixed('class', 'predictions', 'classes', [0.8, 0.2, 0, 0], sampling),
    numbers('score', 'predictions', sampling, 6),
    ...each(size.functions, (i) => paths(`path/${i}`, zipf(12, 1.5), sampling)),
  ];
}

/** What of the procedure is spoiled, to see that the simulation finds it. */
export interface Mutation {
  readonly name: string;
  readonly settings?: Partial<JudgeSettings>;
  readonly requestsOff?: number;
  readonly swappedSides?: boolean;
  readonly dictionaryFromAll?: boolean;
}

/** The detector that ships, spoiled as a mutation says. */
export function detectorOf(
  streams: readonly SimulatedStream[],
  settings: JudgeSettings,
  mutation?: Mutation,
): Detector {
  const reference: readonly JudgedStream[] = streams.map(({ stream }) => stream);
  const swapped: typeof limitsOf = (k, n, tolerance) => {
    const { lower, upper } = limitsOf(k, n, tolerance);
    return { lower: upper, upper: lower };
  };
  return new Detector(
    reference,
    { ...settings, ...mutation?.settings },
    mutation?.swappedSides === true ? swapped : limitsOf,
  );
}

/** The same streams, of each one cell moved by 0.9 of the tolerance away from its population. */
export function nearby(
  streams: readonly SimulatedStream[],
  tolerance: number,
  random: Sampling['random'],
): readonly SimulatedStream[] {
  return streams.map(({ stream, truth }) => {
    const able = [...truth.keys()].filter((cell) => (truth[cell] ?? 0) > 0.02 && (truth[cell] ?? 0) < 0.98);
    const cell = able[random.below(Math.max(1, able.length))];
    if (cell === undefined) return { stream, truth };
    const share = truth[cell] ?? 0;
    const step = 0.9 * tolerance * Math.sqrt(share * (1 - share)) * (random.next() < 0.5 ? -1 : 1);
    return { stream, truth: moved(truth, cell, share + step) };
  });
}
