import { Detector, bucketMinutes, type JudgedStream } from '@galley/control/monitor/judge/detector';
import { scale } from '@galley/control/monitor/judge/stream-detector';
import { applicationOf, fifty } from './application.ts';
import { resultOf, type FaultResult, type FaultSetting, type Found } from './faults.ts';
import { Random } from './random.ts';

const columns = 10;
const projections = 32;
const bins = 10;
const pairs = Array.from({ length: columns }, (_, a) =>
  Array.from({ length: columns - 1 - a }, (__, b) => [a, a + 1 + b] as const),
).flat();

/** Correlations that change while every column by itself stays as it is. */
export interface CorrelationFault {
  readonly name: string;
  /** Of the pairs that are correlated: all, or the first two columns. */
  readonly which: 'all' | 'one';
  readonly before: number;
  readonly after: number;
  readonly target: Readonly<Record<number, number>>;
  /** As of `Fault`: of the best single table. */
  readonly oracle: number;
}

export const correlationFaults: readonly CorrelationFault[] = [
  {
    name: 'all pairs, correlation 0.7 → 0.5',
    which: 'all',
    before: 0.7,
    after: 0.5,
    target: { 10_000: 1200, 1000: 1700 },
    oracle: 310,
  },
  {
    name: 'one pair of 45, 0.7 → −0.7',
    which: 'one',
    before: 0.7,
    after: -0.7,
    target: { 10_000: 150 },
    oracle: 25,
  },
];

/** Rows of ten standard normal columns. */
function rowOf({ which }: CorrelationFault, rho: number, random: Random): readonly number[] {
  const own = Array.from({ length: columns }, () => random.normal());
  if (which === 'one') {
    return own.map((value, at) =>
      at === 1 ? rho * (own[0] ?? 0) + Math.sqrt(1 - rho * rho) * value : value,
    );
  }
  const common = Math.sqrt(rho) * random.normal();
  return own.map((value) => common + Math.sqrt(1 - rho) * value);
}

/** Where the joint streams of a reference put a row: its cell in each pair, then in each projection. */
class JointCells {
  private readonly directions: readonly (readonly number[])[];
  private readonly fault: CorrelationFault;
  private edges: readonly (readonly number[])[] = [];

  constructor(fault: CorrelationFault, reference: readonly (readonly number[])[], random: Random) {
    this.fault = fault;
    this.directions = Array.from({ length: projections }, () => {
      const direction = Array.from({ length: columns }, () => random.normal());
      const length = Math.hypot(...direction);
      return direction.map((part) => part / length);
    });
    const values = reference.map((row) => this.project(row));
    this.edges = this.directions.map((_, at) => {
      const sorted = values.map((line) => line[at] ?? 0).sort((a, b) => a - b);
      return Array.from(
        { length: bins + 1 },
        (__, edge) => sorted[Math.floor((edge * (sorted.length - 1)) / bins)] ?? 0,
      );
    });
  }

  /** Whitened by the covariance of before: of equal correlations its inverse root is αI + βJ. */
  private project(row: readonly number[]): readonly number[] {
    const { which, before } = this.fault;
    const size = which === 'all' ? columns : 2;
    const alpha = 1 / Math.sqrt(1 - before);
    const beta = (1 / Math.sqrt(1 + (size - 1) * before) - alpha) / size;
    const sum = row.slice(0, size).reduce((a, b) => a + b, 0);
    const white = row.map((value, at) => (at < size ? alpha * value + beta * sum : value));
    return this.directions.map((direction) =>
      direction.reduce((total, part, at) => total + part * (white[at] ?? 0), 0),
    );
  }

  cells(row: readonly number[]): readonly number[] {
    const high = row.map((value) => (value > 0 ? 1 : 0));
    const ofPairs = pairs.map(([a, b]) => 2 * (high[a] ?? 0) + (high[b] ?? 0));
    const ofProjections = this.project(row).map((value, at) => {
      const own = this.edges[at] ?? [];
      return value < (own[0] ?? 0) ? 0 : own.filter((edge) => edge < value).length || 1;
    });
    return [...ofPairs, ...ofProjections];
  }
}

const ids = [
  ...pairs.map(([a, b]) => `pair/${a}×${b}`),
  ...Array.from({ length: projections }, (_, at) => `projection/${at}`),
];
const sizes = ids.map((id) => (id.startsWith('pair') ? 4 : bins + 2));

function counted(lines: readonly (readonly number[])[]): readonly number[][] {
  const counts = sizes.map((size) => Array.from({ length: size }, () => 0));
  for (const line of lines) {
    for (const [stream, cell] of line.entries()) {
      const own = counts[stream] ?? [];
      own[cell] = (own[cell] ?? 0) + scale;
    }
  }
  return counts;
}

/** Real rows, so that pairs and projections depend on each other as they do. */
export function runCorrelation(
  fault: CorrelationFault,
  { reference, perMinute, runs, settings, longest }: FaultSetting,
  seed: string,
): FaultResult {
  const mean = perMinute * bucketMinutes;
  const ends: Found[] = [];
  for (let run = 0; run < runs; run += 1) {
    const random = new Random(`${seed} ${fault.name} ${run}`);
    const rows = Array.from({ length: reference }, () => rowOf(fault, fault.before, random));
    const joint = new JointCells(fault, rows, random);
    const kept = rows.slice(Math.round(reference / 5)).map((row) => joint.cells(row));
    const streams = counted(kept).map((counts, at): JudgedStream => {
      const isPair = at < pairs.length;
      return {
        id: ids[at] ?? '',
        group: 'joint',
        kind: isPair ? 'pair' : 'projection',
        counts,
        n: kept.length,
        ...(isPair ? {} : { edges: Array.from({ length: bins + 1 }, (_, edge) => edge), atoms: [] }),
      };
    });
    const others = applicationOf(fifty, { requests: reference, random })
      .map(({ stream }) => stream)
      .filter(({ group }) => group !== 'joint');
    const detector = new Detector([...others, ...streams], settings);
    let requests = 0;
    const day = (24 * 60) / bucketMinutes;
    for (let bucket = 0; detector.evidence < detector.threshold && requests < longest; bucket += 1) {
      const rho = bucket < day ? fault.before : fault.after;
      const lines = Array.from({ length: mean }, () => joint.cells(rowOf(fault, rho, random)));
      const counts = counted(lines);
      detector.add(new Map(ids.map((id, at) => [id, { n: mean, counts: counts[at] ?? [] }])));
      if (bucket >= day) requests += mean;
    }
    const names = detector.named().map(({ id }) => id);
    const moved = (id: string): boolean =>
      fault.which === 'all' || id === 'pair/0×1' || id.startsWith('projection');
    ends.push({ requests, named: names.some(moved), othersNamed: !names.every(moved) });
  }
  return resultOf(ends);
}
