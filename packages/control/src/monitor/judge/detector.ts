import { limitsOf, type Limits } from './limits.ts';
import { piecesOf, type PiecesOf, type StreamShape } from './pieces.ts';
import { requestsToSee } from './sight.ts';
import { scale, StreamDetector } from './stream-detector.ts';

/** What a person decides about judging. */
export interface JudgeSettings {
  /** Expected false alarms of the application a year, at most. */
  readonly falseAlarmsPerYear: number;
  /** Differences smaller than this many standard deviations of a share do not matter. */
  readonly tolerance: number;
  /** So many requests say as much as one that is independent of the others: an overdispersion, by which counts are divided. At least 1. */
  readonly requestsAlike: number;
}

/** One in five years; a twentieth of a standard deviation; every request by itself. */
export const defaultSettings: JudgeSettings = { falseAlarmsPerYear: 0.2, tolerance: 0.05, requestsAlike: 1 };

/** A bucket is so many minutes of event time. */
export const bucketMinutes = 5;
const bucketsPerYear = (365 * 24 * 60) / bucketMinutes;

/** Chance over references that any limit of any piece of an application is wrong. */
const outsideChance = 0.01;

/** Kinds of streams that follow the calendar: on a Tuesday every request is one of a Tuesday. No number of requests tells that from a change, so they are not judged. */
const calendarKinds: ReadonlySet<string> = new Set(['hour', 'weekday']);

/** Weights of groups; those that an application has share the whole. Others' streams are not judged. */
const groupWeights: ReadonlyMap<string, number> = new Map([
  ['inputs', 0.4],
  ['joint', 0.2],
  ['predictions', 0.2],
  ['paths', 0.2],
]);

/** A stream of the reference. */
export interface JudgedStream extends Omit<StreamShape, 'cells'> {
  readonly id: string;
  readonly group: string;
  /** Counts of the reference by cell in units of 1/2^20, of `n` requests. */
  readonly counts: readonly number[];
  readonly n: number;
  /**
   * Of counts that a person accepted: so many of its requests say as much as one, as measured on them. Then this decides instead of `requestsAlike`, and the
   * reference is as much smaller than it looks.
   */
  readonly alike?: number | undefined;
}

/** A bucket's counts of one stream. */
export interface StreamCounts {
  readonly n: number;
  readonly counts: ArrayLike<number>;
}

/** What one stream says at this moment. */
export interface StreamEvidence {
  readonly id: string;
  readonly group: string;
  /** The stream's own, before its weight. */
  readonly evidence: number;
  readonly weight: number;
}

/** The piece of a stream that speaks loudest. */
export interface Loudest {
  readonly cells: readonly number[];
  readonly limits: Limits;
  /** The stream's evidence. */
  readonly stream: number;
}

interface Weighed {
  readonly stream: JudgedStream;
  readonly pieces: PiecesOf;
  readonly limits: readonly Limits[];
  readonly alike: number;
  readonly detector: StreamDetector;
  readonly weight: number;
}

/**
 * Evidence that an application's streams have moved, against its budget of false alarms: an alarm is due at `threshold`. While nothing moved the
 * expected number of buckets until then is at least `threshold` (docs/design/monitors.md says under what).
 */
export class Detector {
  readonly threshold: number;
  private readonly streams: ReadonlyMap<string, Weighed>;

  /** `draw`: what draws limits; another one only to prove that the simulation finds a wrong one. */
  constructor(reference: readonly JudgedStream[], settings: JudgeSettings, draw: typeof limitsOf = limitsOf) {
    this.threshold = bucketsPerYear / settings.falseAlarmsPerYear;
    const known = reference
      .filter(isJudged)
      .map((stream) => ({ stream, pieces: piecesOf({ ...shapeOf(stream), cells: stream.counts.length }) }));
    const pieces = known.reduce((sum, { pieces: own }) => sum + own.pieces.length, 0);
    const tolerance = { h: settings.tolerance, level: outsideChance / (2 * pieces) };
    const judged = known
      .map(({ stream, pieces: own }) => {
        const shrunk = stream.alike ?? 1;
        const limits = own.pieces.map((_, piece) =>
          draw(within(stream.counts, own, piece) / scale / shrunk, stream.n / shrunk, tolerance),
        );
        const alike = stream.alike ?? settings.requestsAlike;
        return { stream, pieces: own, limits, alike, detector: new StreamDetector(own, limits, alike) };
      })
      .filter(({ detector }) => detector.judges);
    this.streams = new Map(
      weighed(judged.map(({ stream }) => stream.group)).map((weight, index) => {
        const each = judged[index] as (typeof judged)[number]; // `weighed` answers as many
        return [each.stream.id, { ...each, weight }];
      }),
    );
  }

  /** Takes one bucket. Streams without requests in it, and those that the reference does not have, change nothing. */
  add(bucket: ReadonlyMap<string, StreamCounts>): void {
    for (const [id, { n, counts }] of bucket) {
      if (n > 0) this.streams.get(id)?.detector.add(n, counts);
    }
  }

  /** Of all streams together; an alarm is due when it reaches `threshold`. */
  get evidence(): number {
    let sum = 0;
    for (const { detector, weight } of this.streams.values()) sum += weight * detector.evidence;
    return sum;
  }

  /** Every judged stream, the loudest first. */
  evidences(): readonly StreamEvidence[] {
    return [...this.streams.values()]
      .map(({ stream: { id, group }, detector, weight }) => ({
        id,
        group,
        evidence: detector.evidence,
        weight,
      }))
      .sort((a, b) => b.weight * b.evidence - a.weight * a.evidence);
  }

  /**
   * The streams that are to be named: e-BH (Wang and Ramdas 2022) on weighted evidence, which keeps the expected share of wrong names
   * bounded as the budget bounds alarms. Of an alarm always one at least: the loudest.
   */
  named(): readonly StreamEvidence[] {
    const ranked = this.evidences();
    const enough = ranked.map(
      ({ weight, evidence }, index) => (index + 1) * weight * evidence >= this.threshold,
    );
    const least = this.evidence >= this.threshold ? 1 : 0;
    return ranked.slice(0, Math.max(least, enough.lastIndexOf(true) + 1));
  }

  /** Where a stream speaks loudest. */
  loudest(id: string): Loudest | undefined {
    const found = this.streams.get(id);
    const side = found?.detector.loudest();
    const piece = side === undefined ? undefined : found?.pieces.pieces[side.piece];
    const limits = side === undefined ? undefined : found?.limits[side.piece];
    if (found === undefined || piece === undefined || limits === undefined) return undefined;
    const cells = found.pieces.order.slice(piece.from, piece.to);
    return { cells, limits, stream: found.detector.evidence };
  }

  /** Streams that are judged. */
  get size(): number {
    return this.streams.size;
  }

  /** About how many requests a moderate shift of a typical stream takes to be found; undefined: none of them ever sees it. */
  requestsToSee(): number | undefined {
    const needed = [...this.streams.values()]
      .flatMap(({ stream, pieces, limits, alike, weight }) => {
        const each = limits.map((ofPiece, piece) => ({
          share: within(stream.counts, pieces, piece) / scale / stream.n,
          limits: ofPiece,
        }));
        const own = requestsToSee(each, this.threshold, weight);
        return own === undefined ? [] : Math.ceil(own * alike);
      })
      .sort((a, b) => a - b);
    return needed[Math.floor(needed.length / 2)];
  }

  /** Forgets all evidence: what a person has looked at is judged from now on. */
  reset(): void {
    for (const { detector } of this.streams.values()) detector.reset();
  }

  /** All it remembers, to be kept. */
  remembered(): ReadonlyMap<string, Float64Array> {
    return new Map([...this.streams].map(([id, { detector }]) => [id, detector.remembered()]));
  }

  /** @throws when it was a detector of another reference that remembered. */
  restore(remembered: ReadonlyMap<string, Float64Array>): void {
    for (const [id, { detector }] of this.streams) {
      const own = remembered.get(id);
      if (own === undefined) throw new Error(`nothing is remembered of ${id}`);
      detector.restore(own);
    }
  }
}

/** Whether a stream is judged at all: of a known group, not of the calendar, and with a reference. */
export function isJudged({ group, kind, n }: Pick<JudgedStream, 'group' | 'kind' | 'n'>): boolean {
  return groupWeights.has(group) && !calendarKinds.has(kind) && n > 0;
}

function shapeOf({ kind, edges, atoms }: JudgedStream): Omit<StreamShape, 'cells'> {
  return { kind, edges, atoms };
}

/** Counts of the reference in a piece. */
function within(counts: readonly number[], { order, pieces }: PiecesOf, piece: number): number {
  const { from = 0, to = 0 } = pieces[piece] ?? {};
  return order.slice(from, to).reduce((sum, cell) => sum + (counts[cell] ?? 0), 0);
}

/** A weight for each stream by its group, 1 in all: groups as `groupWeights` has them, streams of a group alike. */
function weighed(groups: readonly string[]): readonly number[] {
  const sizes = new Map<string, number>();
  for (const group of groups) sizes.set(group, (sizes.get(group) ?? 0) + 1);
  const whole = [...sizes.keys()].reduce((sum, group) => sum + (groupWeights.get(group) ?? 0), 0);
  return groups.map((group) => (groupWeights.get(group) ?? 0) / whole / (sizes.get(group) ?? 1));
}
