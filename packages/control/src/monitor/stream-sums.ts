import type { Bucket } from './bucket.ts';

/** Exact sums of one stream. Counts are shares times 2^20, so they leave 2^53 behind after 8.6 thousand million requests: BigInt. */
export interface StreamSum {
  n: bigint;
  /** By cell index. */
  readonly counts: Map<number, bigint>;
}

const totals = ['requests', 'rows', 'failures', 'refused', 'late'] as const;

/** Exact sums over buckets. Adding is commutative and associative, so replicas, boots and minutes merge in any order. */
export class BucketSums {
  requests = 0n;
  rows = 0n;
  failures = 0n;
  refused = 0n;
  late = 0n;
  readonly streams = new Map<string, StreamSum>();

  add(bucket: Bucket): void {
    this.apply(bucket, 1n);
  }

  /** Takes away what was added: a cumulative counter of an open minute is replaced by its newer self. */
  subtract(bucket: Bucket): void {
    this.apply(bucket, -1n);
  }

  private apply(bucket: Bucket, sign: 1n | -1n): void {
    for (const name of totals) this[name] += sign * BigInt(bucket[name] ?? 0);
    for (const [id, { n, counts }] of Object.entries(bucket.streams)) {
      const sum = this.stream(id);
      sum.n += sign * BigInt(n);
      for (const [cell, count] of Object.entries(counts)) {
        const index = Number(cell);
        const after = (sum.counts.get(index) ?? 0n) + sign * BigInt(count);
        if (after === 0n) sum.counts.delete(index);
        else sum.counts.set(index, after);
      }
      if (sum.n === 0n && sum.counts.size === 0) this.streams.delete(id);
    }
  }

  private stream(id: string): StreamSum {
    let sum = this.streams.get(id);
    if (sum === undefined) {
      sum = { n: 0n, counts: new Map() };
      this.streams.set(id, sum);
    }
    return sum;
  }

  /** As text for the records; `fromText` reads it. Integers in decimal: they may exceed what JSON's readers keep exactly. */
  toText(): string {
    return JSON.stringify({
      ...Object.fromEntries(totals.map((name) => [name, String(this[name])])),
      streams: [...this.streams].map(([id, { n, counts }]) => [
        id,
        String(n),
        [...counts].map(([cell, count]) => [cell, String(count)]),
      ]),
    });
  }

  static fromText(text: string): BucketSums {
    // Written by `toText`.
    const parsed = JSON.parse(text) as Record<(typeof totals)[number], string> & {
      streams: readonly (readonly [string, string, readonly (readonly [number, string])[]])[];
    };
    const sums = new BucketSums();
    for (const name of totals) sums[name] = BigInt(parsed[name]);
    for (const [id, n, counts] of parsed.streams) {
      const entries = counts.map(([cell, count]) => [cell, BigInt(count)] as const);
      sums.streams.set(id, { n: BigInt(n), counts: new Map(entries) });
    }
    return sums;
  }
}

/** The counts of a stream as a row, one per cell of its table. */
export function countsRow(sum: StreamSum | undefined, cells: number): readonly bigint[] {
  return Array.from({ length: cells }, (_, index) => sum?.counts.get(index) ?? 0n);
}
