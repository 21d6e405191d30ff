import type { Bucket } from './bucket.ts';

/** Exact sums of one stream. Counts are shares times 2^20, so they leave 2^53 behind after 8.6 thousand million requests: BigInt. */
export interface StreamSum {
  n: bigint;
  /** By cell index. */
  readonly counts: Map<number, bigint>;
}

/** Exact sums over buckets. Adding is commutative and associative, so replicas, boots and minutes merge in any order. */
export class BucketSums {
  requests = 0n;
  rows = 0n;
  failures = 0n;
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
    this.requests += sign * BigInt(bucket.requests);
    this.rows += sign * BigInt(bucket.rows);
    this.failures += sign * BigInt(bucket.failures);
    this.late += sign * BigInt(bucket.late);
    for (const [id, { n, counts }] of Object.entries(bucket.streams)) {
      let sum = this.streams.get(id);
      if (sum === undefined) {
        sum = { n: 0n, counts: new Map() };
        this.streams.set(id, sum);
      }
      sum.n += sign * BigInt(n);
      for (const [cell, count] of Object.entries(counts)) {
        const index = Number(cell);
        sum.counts.set(index, (sum.counts.get(index) ?? 0n) + sign * BigInt(count));
      }
    }
  }
}

/** The counts of a stream as a row, one per cell of its table. */
export function countsRow(sum: StreamSum | undefined, cells: number): readonly bigint[] {
  return Array.from({ length: cells }, (_, index) => sum?.counts.get(index) ?? 0n);
}
