import { bucketMinutes, defaultSettings, type JudgeSettings } from '@galley/control/monitor/judge/detector';
import { applicationOf, detectorOf, fifty, type Mutation } from './application.ts';
import { shiftable } from './normal.ts';
import type { SimulatedStream } from './population.ts';
import { Random } from './random.ts';
import { moved } from './shares.ts';
import { Traffic } from './traffic.ts';

/** One stream that moves, and by when the median run must have found it. */
export interface Fault {
  readonly name: string;
  readonly stream: string;
  readonly change: (truth: readonly number[]) => readonly number[];
  /** Requests to the alarm, median, by requests of the reference; absent: nothing is promised. */
  readonly target: Readonly<Record<number, number>>;
  /** ln(threshold) over the divergence per request: what a test would need that knows stream, shares before and after. Computed once, not simulated. */
  readonly oracle?: number;
}

const numberCells = 12;

/** One decile holds h standard deviations more than it did. */
function cell(h: number): Fault['change'] {
  return (truth) => {
    const share = truth[5] ?? 0;
    return moved(truth, 5, share + h * Math.sqrt(share * (1 - share)));
  };
}

function shift(by: number): Fault['change'] {
  return (truth) => [...shiftable(truth.slice(0, numberCells))(by), ...truth.slice(numberCells)];
}

/** So much falls into the cell that lies so far before the end. */
function into(fromEnd: number, share: number): Fault['change'] {
  return (truth) => moved(truth, truth.length - fromEnd, share);
}

/** MONITORS.md §8; at 10,000 and 1,000 requests of the reference. */
export const faults: readonly Fault[] = [
  {
    name: 'one decile, h = 0.2',
    stream: 'number/0',
    change: cell(0.2),
    target: { 10_000: 4500 },
    oracle: 766,
  },
  {
    name: 'one decile, h = 0.3',
    stream: 'number/0',
    change: cell(0.3),
    target: { 10_000: 1800 },
    oracle: 360,
  },
  {
    name: 'one decile, h = 0.5',
    stream: 'number/0',
    change: cell(0.5),
    target: { 10_000: 600, 1000: 1200 },
    oracle: 143,
  },
  {
    name: 'a number by 0.25 SD',
    stream: 'number/0',
    change: shift(0.25),
    target: { 10_000: 3000 },
    oracle: 443,
  },
  {
    name: 'a number by 0.5 SD',
    stream: 'number/0',
    change: shift(0.5),
    target: { 10_000: 700, 1000: 1200 },
    oracle: 112,
  },
  { name: '5 % null', stream: 'number/0', change: into(2, 0.05), target: { 10_000: 250 }, oracle: 50 },
  { name: 'a new category, 2 %', stream: 'zipf/1', change: into(3, 0.02), target: {}, oracle: 153 },
  { name: 'a new category, 5 %', stream: 'zipf/1', change: into(3, 0.05), target: {}, oracle: 50 },
  {
    name: 'class 0.2 → 0.3',
    stream: 'class',
    change: (truth) => moved(truth, 1, 0.3),
    target: { 10_000: 1700 },
    oracle: 468,
  },
  {
    name: 'a new path, 0.5 %',
    stream: 'path/0',
    change: into(2, 0.005),
    target: { 10_000: 9000 },
    oracle: 904,
  },
  { name: 'a new path, 2 %', stream: 'path/0', change: into(2, 0.02), target: { 10_000: 900 }, oracle: 153 },
];

/** What a fault's runs came to, in requests from its beginning to the alarm. */
export interface FaultResult {
  readonly runs: number;
  readonly median: number;
  readonly ninety: number;
  /** Runs in which the moved stream was named, and in which another was. */
  readonly named: number;
  readonly othersNamed: number;
}

export interface FaultSetting {
  readonly reference: number;
  readonly perMinute: number;
  readonly runs: number;
  readonly settings: JudgeSettings;
  /** Requests after which nobody waits any more; such a run counts as found then. */
  readonly longest: number;
}

/** Streams that nothing happens to, beside the moved one: others of its kind. */
const bystanders = ['number/1', 'number/2', 'zipf/0', 'projection/0', 'pair/0', 'score', 'path/1'];

/** Each fault in an application of fifty features, after a day in which nothing moved. A run has one reference for all faults. */
export function runFaults(
  list: readonly Fault[],
  setting: FaultSetting,
  seed: string,
  mutation?: Mutation,
): ReadonlyMap<Fault, FaultResult> {
  const { reference, runs, settings } = setting;
  const found = new Map(list.map((fault) => [fault, [] as Found[]]));
  for (let run = 0; run < runs; run += 1) {
    const random = new Random(`${seed} ${run}`);
    const dictionaryFromAll = mutation?.dictionaryFromAll === true;
    const streams = applicationOf(fifty, { requests: reference, random, dictionaryFromAll });
    const detector = detectorOf(streams, settings, mutation);
    for (const [fault, ends] of found) {
      detector.reset();
      const watched = streams.filter(({ stream: { id } }) => id === fault.stream || bystanders.includes(id));
      ends.push(runFault(fault, watched, detector, { ...setting, random, off: mutation?.requestsOff ?? 0 }));
    }
  }
  return new Map([...found].map(([fault, ends]) => [fault, resultOf(ends)]));
}

/** Requests until the alarm, and who was named. */
export interface Found {
  readonly requests: number;
  readonly named: boolean;
  readonly othersNamed: boolean;
}

function runFault(
  fault: Fault,
  watched: readonly SimulatedStream[],
  detector: ReturnType<typeof detectorOf>,
  { perMinute, longest, random, off }: FaultSetting & { readonly random: Random; readonly off: number },
): Found {
  const before = new Traffic(watched, random);
  const mean = perMinute * bucketMinutes;
  for (let bucket = 0; bucket < (24 * 60) / bucketMinutes; bucket += 1) {
    before.draw(mean, mean + off);
    detector.add(before.bucket);
  }
  const after = new Traffic(
    watched.map((each) =>
      each.stream.id === fault.stream ? { ...each, truth: fault.change(each.truth) } : each,
    ),
    random,
  );
  let requests = 0;
  while (detector.evidence < detector.threshold && requests < longest) {
    after.draw(mean, mean + off);
    detector.add(after.bucket);
    requests += mean;
  }
  const names = detector.named().map(({ id }) => id);
  return {
    requests,
    named: names.includes(fault.stream),
    othersNamed: names.some((id) => id !== fault.stream),
  };
}

/** Of all runs. */
export function resultOf(ends: readonly Found[]): FaultResult {
  const sorted = ends.map(({ requests }) => requests).sort((a, b) => a - b);
  const at = (share: number): number =>
    sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))] ?? 0;
  return {
    runs: ends.length,
    median: at(0.5),
    ninety: at(0.9),
    named: ends.filter(({ named }) => named).length,
    othersNamed: ends.filter(({ othersNamed }) => othersNamed).length,
  };
}

/** The budget of the promises. */
export const faultSettings: JudgeSettings = defaultSettings;
