import type { Decision } from '@galley/api/kind/decision';
import type { Reference } from './reference.ts';
import { countsRow, type BucketSums } from './stream-sums.ts';

/** Fewer requests are no reference (MONITORS.md §3). */
export const acceptedLeast = 500;

/** The reference with live counts in place of its own. Cells stay what they are; a stream that live requests did not reach keeps its counts. */
export function acceptedReference(
  reference: Reference,
  accepted: BucketSums,
  alike: Decision['alike'],
): Reference {
  const factors = new Map((alike ?? []).map(({ id, factor }) => [id, factor]));
  return {
    ...reference,
    origin: 'live',
    requests: Number(accepted.requests),
    streams: reference.streams.map((stream) => {
      const sum = accepted.streams.get(stream.id);
      if (sum === undefined || sum.n < BigInt(acceptedLeast)) return stream;
      const { learning: _, ...settled } = stream;
      const factor = factors.get(stream.id);
      return {
        ...settled,
        counts: countsRow(sum, stream.cells.length).map(Number),
        n: Number(sum.n),
        ...(factor === undefined ? {} : { alike: factor }),
      };
    }),
  };
}
