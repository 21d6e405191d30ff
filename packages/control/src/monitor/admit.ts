import type { Bucket, BucketsAnswer, SightingLine } from './bucket.ts';
import type { Reference } from './reference.ts';

/** A share of 1 (docs/design/wire.md: shares are integers of 1/2^20). */
const scale = 2 ** 20;

/** What may be kept of an answer, or the sentence that says why none of it may. */
export type Admission = { readonly answer: BucketsAnswer } | { readonly refused: string };

/**
 * Holds an answer of a replica against the reference. A replica runs its user's code and may say anything: streams, cells and kinds
 * that the reference does not know are left out, so that what is stored is bounded by it; numbers that no counting gives refuse the
 * whole answer, since then nothing else in it can be believed either. Pure.
 */
export function admit(answer: BucketsAnswer, reference: Reference | undefined): Admission {
  const sizes = new Map((reference?.streams ?? []).map((stream) => [stream.id, stream.cells.length]));
  const buckets: Bucket[] = [];
  for (const bucket of answer.buckets) {
    if (bucket.failures + (bucket.refused ?? 0) > bucket.requests) {
      return { refused: `minute ${bucket.minute} has more failures than requests` };
    }
    const kept: [string, Bucket['streams'][string]][] = [];
    for (const [id, stream] of Object.entries(bucket.streams)) {
      const size = sizes.get(id);
      if (size === undefined) continue;
      const counts = Object.entries(stream.counts).filter(
        ([cell, count]) => Number(cell) < size && count > 0,
      );
      if (stream.n > bucket.requests || !addUp(stream.n, size, counts)) {
        return { refused: `the counts of ${id} in minute ${bucket.minute} do not add up` };
      }
      kept.push([id, { n: stream.n, counts: Object.fromEntries(counts) }]);
    }
    buckets.push({ ...bucket, streams: Object.fromEntries(kept) });
  }
  return { answer: { ...answer, buckets, events: answer.events.filter(isSighting) } };
}

/** Each request adds shares that sum to 1, each rounded by half a unit at most. */
function addUp(n: number, size: number, counts: readonly (readonly [string, number])[]): boolean {
  const sum = counts.reduce((total, [, count]) => total + count, 0);
  return sum <= n * (scale + size / 2);
}

const kinds: ReadonlySet<string> = new Set(['path', 'fallback', 'category', 'exception']);
const rfc3339 = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z$/;

function isSighting({ kind, time }: SightingLine): boolean {
  return kinds.has(kind) && rfc3339.test(time) && !Number.isNaN(Date.parse(time));
}
