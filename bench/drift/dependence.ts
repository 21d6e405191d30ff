import {
  bucketMinutes,
  defaultSettings,
  type Detector,
  type JudgedStream,
  type StreamCounts,
} from '@galley/control/monitor/judge/detector';
import { OverdispersionMeter } from '@galley/control/monitor/judge/overdispersion';
import { scale } from '@galley/control/monitor/judge/stream-detector';
import { applicationOf, detectorOf, five } from './application.ts';
import { shiftable } from './normal.ts';
import type { SimulatedStream } from './population.ts';
import { Random } from './random.ts';
import { Multinomial } from './shares.ts';

/** How requests depend on each other or on the time of day, while nothing of the model's business has changed. */
export interface Dependence {
  readonly name: string;
  readonly perMinute: number;
  /** Requests of bucket number `at` of one number, by cell, in units of 1/2^20; none: no requests. */
  readonly bucket: (at: number, state: DependenceState) => { n: number; counts: Float64Array } | undefined;
}

/** What a bucket is drawn from. */
export interface DependenceState {
  readonly random: Random;
  readonly requests: number;
  readonly truth: readonly number[];
  readonly at: (shift: number) => readonly number[];
  /** Of an autoregression: where it is. */
  level: number;
}

const bucketsPerDay = (24 * 60) / bucketMinutes;
const numberCells = 12;

function plain({ random, requests, truth }: DependenceState, shares = truth, n = random.poisson(requests)) {
  const counts = new Float64Array(truth.length);
  new Multinomial(shares).draw(n, random, counts);
  return n === 0 ? undefined : { n, counts: counts.map((count) => count * scale) };
}

/** The mean of a bucket remembers nine tenths of the one before; `spread` in standard deviations of the column. */
function autoregression(spread: number): Dependence['bucket'] {
  return (_, state) => {
    state.level = 0.9 * state.level + spread * Math.sqrt(1 - 0.81) * state.random.normal();
    return plain(state, state.at(state.level));
  };
}

function sine(height: number): Dependence['bucket'] {
  return (at, state) => plain(state, state.at(height * Math.sin((2 * Math.PI * at) / bucketsPerDay)));
}

/** All of a day's requests between midnight and two. */
function nightly(at: number, state: DependenceState) {
  return at % bucketsPerDay < 24
    ? plain(state, state.truth, state.random.poisson(state.requests * 12))
    : undefined;
}

/** Requests of one to a thousand rows, each with shares of its own round the population's: rows of a request are alike. */
function manyRows(_: number, { random, requests, truth }: DependenceState) {
  const counts = new Float64Array(truth.length);
  const n = random.poisson(requests);
  for (let request = 0; request < n; request += 1) {
    const own = truth.map((share) => (share === 0 ? 0 : random.gamma(5 * share)));
    const rows = Math.floor(1000 ** random.next());
    const drawn = new Float64Array(truth.length);
    new Multinomial(own).draw(rows, random, drawn);
    for (const [cell, count] of drawn.entries()) counts[cell]! += Math.round((count * scale) / rows); // an index of the same array
  }
  return n === 0 ? undefined : { n, counts };
}

export const dependences: readonly Dependence[] = [10, 100].flatMap((perMinute) => [
  { name: 'lag-1 correlation 0.9, SD 0.05', perMinute, bucket: autoregression(0.05) },
  { name: 'lag-1 correlation 0.9, SD 0.1', perMinute, bucket: autoregression(0.1) },
  { name: 'lag-1 correlation 0.9, SD 0.2', perMinute, bucket: autoregression(0.2) },
  { name: 'daily sine of 0.1 SD', perMinute, bucket: sine(0.1) },
  { name: 'daily sine of 0.2 SD', perMinute, bucket: sine(0.2) },
  { name: 'daily sine of 0.4 SD', perMinute, bucket: sine(0.4) },
  { name: 'all requests at night', perMinute, bucket: nightly },
  ...(perMinute === 10 ? [{ name: 'requests of 1 to 1,000 rows alike', perMinute, bucket: manyRows }] : []),
]);

/** What a run came to. */
export interface DependenceResult {
  readonly days: number;
  /** Against the reference as it was made, and against what was accepted over four weeks, with what was measured on it. */
  readonly alarms: number;
  readonly alarmsAccepted: number;
  /** The largest factor of a run that was measured. */
  readonly alike: number;
}

const settings = { ...defaultSettings, falseAlarmsPerYear: 1 };
const acceptedDays = 28;

/** Alarms at budget 1 in so many days of each run, a restart after each. One number of five features depends; the rest is left out. */
export function runDependence(
  dependence: Dependence,
  { runs, days, reference }: { readonly runs: number; readonly days: number; readonly reference: number },
  seed: string,
): DependenceResult {
  let [alarms, alarmsAccepted, alike] = [0, 0, 1];
  for (let run = 0; run < runs; run += 1) {
    const random = new Random(`${seed} ${run}`);
    const streams = applicationOf(five, { requests: reference, random });
    const first = streams[0] as SimulatedStream; // a number; the application has three
    const live = liveBuckets(dependence, first, random);
    const { accepted, factor } = accept(first, live);
    const others = streams.slice(1);
    const given = detectorOf(streams, settings);
    const learned = detectorOf([{ ...first, stream: accepted }, ...others], settings);
    for (let index = 0; index < days * bucketsPerDay; index += 1) {
      const counted = live();
      if (counted === undefined) continue;
      const bucket = new Map([[first.stream.id, counted]]);
      alarms += alarmOf(given, bucket);
      alarmsAccepted += alarmOf(learned, bucket);
    }
    alike = Math.max(alike, factor);
  }
  return { days: runs * days, alarms, alarmsAccepted, alike };
}

/** The next bucket at each call. */
function liveBuckets(
  { perMinute, bucket }: Dependence,
  { truth }: SimulatedStream,
  random: Random,
): () => StreamCounts | undefined {
  const at = shiftable(truth.slice(0, numberCells));
  const state: DependenceState = {
    random,
    requests: perMinute * bucketMinutes,
    truth,
    at: (shift) => [...at(shift), ...truth.slice(numberCells)],
    level: 0,
  };
  let index = 0;
  return () => bucket(index++, state);
}

/** Four weeks of requests as the reference, with how much alike they were, as `galley monitor NAME accept` makes it. */
function accept(
  { stream }: SimulatedStream,
  live: () => StreamCounts | undefined,
): { readonly accepted: JudgedStream; readonly factor: number } {
  const cells = stream.counts.length;
  const meter = new OverdispersionMeter([{ ...stream, cells }]);
  const counts = Array.from({ length: cells }, () => 0);
  let n = 0;
  for (let index = 0; index < acceptedDays * bucketsPerDay; index += 1) {
    const counted = live();
    if (counted === undefined) continue;
    n += counted.n;
    for (const cell of counts.keys()) counts[cell] = (counts[cell] ?? 0) + (counted.counts[cell] ?? 0);
    meter.add({ bucket: index, requests: counted.n, streams: new Map([[stream.id, counted]]) });
  }
  const factor = meter.measured()[0]?.factor ?? 1;
  return { accepted: { ...stream, counts, n, alike: factor }, factor };
}

function alarmOf(detector: Detector, bucket: ReadonlyMap<string, StreamCounts>): number {
  detector.add(bucket);
  if (detector.evidence < detector.threshold) return 0;
  detector.reset();
  return 1;
}
