import type { Moved, Verdict } from '@galley/api/kind/verdict';
import {
  bucketMinutes,
  Detector,
  type JudgedStream,
  type JudgeSettings,
  type StreamCounts,
} from './detector.ts';
import { scale } from './stream-detector.ts';

/** A stream of the reference with the names of its cells. */
export interface NamedStream extends JudgedStream {
  readonly cells: readonly string[];
}

/** Five minutes of counts of an application. */
export interface JudgedBucket {
  /** Its number: minutes since 1970, by five. */
  readonly bucket: number;
  readonly requests: number;
  readonly streams: ReadonlyMap<string, StreamCounts>;
}

/** Above this a stream's evidence is called growing: what it was when it was last below says since when. */
const growing = 100;
/** Cells that fill when something is broken rather than different. */
const brokenCells: ReadonlySet<string> = new Set(['unseen', 'exception', 'failure']);

/** What a stream has counted since its evidence began to grow. */
interface Growth {
  readonly since: number;
  requests: number;
  readonly counts: Float64Array;
}

/** All that a judging remembers: to begin there again. */
export interface Remembered {
  readonly detector: ReadonlyMap<string, Float64Array>;
  readonly growths: ReadonlyMap<string, Growth>;
  readonly moved: ReadonlyMap<string, Moved>;
  readonly first: number | undefined;
  readonly alarm: number | undefined;
  readonly buckets: number;
  readonly requests: number;
}

/** Judges buckets one after the other, in the order of their time, and says where things stand. The same buckets give the same verdict, bit for bit. */
export class Judging {
  private readonly detector: Detector;
  private readonly settings: JudgeSettings;
  private readonly reference: ReadonlyMap<string, NamedStream>;
  private growths = new Map<string, Growth>();
  private moved = new Map<string, Moved>();
  private first: number | undefined;
  private alarm: number | undefined;
  private buckets = 0;
  private requests = 0;

  constructor(reference: readonly NamedStream[], settings: JudgeSettings) {
    this.settings = settings;
    this.reference = new Map(reference.map((stream) => [stream.id, stream]));
    this.detector = new Detector(reference, settings);
  }

  /** Takes the next bucket. One without requests changes nothing. */
  add({ bucket, requests, streams }: JudgedBucket): void {
    if (requests === 0) return;
    this.first ??= bucket;
    this.buckets += 1;
    this.requests += requests;
    this.detector.add(streams);
    for (const { id, evidence } of this.detector.evidences())
      this.follow(id, evidence, bucket, streams.get(id));
    if (this.detector.evidence < this.detector.threshold) return;
    this.alarm ??= bucket;
    for (const { id } of this.detector.named()) {
      const moved = this.describe(id);
      if (moved !== undefined) this.moved.set(id, moved);
    }
  }

  private follow(id: string, evidence: number, bucket: number, counted: StreamCounts | undefined): void {
    if (evidence < growing) {
      this.growths.delete(id);
      return;
    }
    let growth = this.growths.get(id);
    if (growth === undefined) {
      const cells = this.reference.get(id)?.cells.length ?? 0;
      growth = { since: bucket, requests: 0, counts: new Float64Array(cells) };
      this.growths.set(id, growth);
    }
    if (counted === undefined) return;
    growth.requests += counted.n;
    for (let cell = 0; cell < growth.counts.length; cell += 1) {
      growth.counts[cell] = (growth.counts[cell] ?? 0) + (counted.counts[cell] ?? 0);
    }
  }

  private describe(id: string): Moved | undefined {
    const stream = this.reference.get(id);
    const growth = this.growths.get(id);
    const side = this.detector.loudest(id);
    if (stream === undefined || growth === undefined || side === undefined) return undefined;
    const within = (counts: ArrayLike<number>): number =>
      side.cells.reduce((sum, cell) => sum + (counts[cell] ?? 0), 0) / scale;
    return {
      id,
      group: stream.group,
      cells: side.cells.map((cell) => stream.cells[cell] ?? ''),
      since: timeOf(growth.since),
      requests: growth.requests,
      referenceRequests: stream.n,
      from: within(stream.counts) / stream.n,
      to: within(growth.counts) / growth.requests,
      lower: side.limits.lower,
      upper: side.limits.upper,
      evidence: powersOfTen(side.stream),
    };
  }

  verdict(): Verdict {
    const moved = [...this.moved.values()].sort((a, b) => b.evidence - a.evidence);
    const needs = this.detector.requestsToSee();
    const isBlind = needs !== undefined && this.requests < needs;
    const isBroken = moved.some(({ cells }) => cells.every((cell) => brokenCells.has(cell)));
    const alarmed = isBroken ? 'broken' : 'drifting';
    return {
      state: this.alarm === undefined ? (isBlind ? 'blind' : 'ok') : alarmed,
      evidence: powersOfTen(this.detector.evidence),
      threshold: powersOfTen(this.detector.threshold),
      falseAlarmsPerYear: this.settings.falseAlarmsPerYear,
      tolerance: this.settings.tolerance,
      requestsAlike: this.settings.requestsAlike,
      streams: this.detector.size,
      requests: this.requests,
      buckets: this.buckets,
      ...(this.first === undefined ? {} : { from: timeOf(this.first) }),
      ...(this.alarm === undefined ? {} : { alarmAt: timeOf(this.alarm) }),
      moved,
      ...(isBlind && this.alarm === undefined ? { needs: needs - this.requests } : {}),
    };
  }

  remembered(): Remembered {
    const growths = [...this.growths].map(
      ([id, growth]) => [id, { ...growth, counts: growth.counts.slice() }] as const,
    );
    return {
      detector: this.detector.remembered(),
      growths: new Map(growths),
      moved: new Map(this.moved),
      first: this.first,
      alarm: this.alarm,
      buckets: this.buckets,
      requests: this.requests,
    };
  }

  /** Goes back to what was remembered of the same reference and settings. */
  restore(remembered: Remembered): void {
    this.detector.restore(remembered.detector);
    this.growths = new Map(
      [...remembered.growths].map(([id, growth]) => [id, { ...growth, counts: growth.counts.slice() }]),
    );
    this.moved = new Map(remembered.moved);
    ({ first: this.first, alarm: this.alarm, buckets: this.buckets, requests: this.requests } = remembered);
  }
}

/** RFC 3339: the beginning of a bucket. */
function timeOf(bucket: number): string {
  return new Date(bucket * bucketMinutes * 60_000).toISOString();
}

/** By powers of ten; evidence of nothing is very little, not minus infinity, which JSON does not have. */
function powersOfTen(evidence: number): number {
  return Math.log10(Math.max(evidence, 1e-30));
}
