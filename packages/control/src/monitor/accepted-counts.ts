import { countOf } from '@galley/api/kind/count';
import type { Decision } from '@galley/api/kind/decision';
import { refuse } from '../server/validate.ts';
import type { MonitorStore } from '../store/monitor-store.ts';
import { acceptedLeast } from './accepted-reference.ts';
import { judgedBuckets } from './five-minutes.ts';
import { isJudged } from './judge/detector.ts';
import { blocksLeast, OverdispersionMeter } from './judge/overdispersion.ts';
import type { Reference } from './reference.ts';
import type { BucketSums } from './stream-sums.ts';
import { minutesOf } from './window.ts';

/** Counts that are to be the reference, and what the decision says of them. */
export interface AcceptedCounts {
  readonly sums: BucketSums;
  readonly facts: Pick<Decision, 'requests' | 'alike'>;
}

/**
 * What is counted from a time on. Over 14 days or more also how much alike the requests of each stream are: what is accepted is what a person
 * calls unchanged, so its variation is no drift. Throws `OBJECT_INVALID`.
 */
export async function acceptedCounts(
  counts: MonitorStore,
  uid: string,
  reference: Reference,
  { since, toMs }: { readonly since: string | undefined; readonly toMs: number },
): Promise<AcceptedCounts> {
  const window = { fromMs: Date.parse(since ?? ''), toMs };
  if (Number.isNaN(window.fromMs)) refuseSince('must be a time as RFC 3339 writes it');
  const sums = await counts.windowSums(uid, window);
  const requests = Number(sums.requests);
  if (requests < acceptedLeast) {
    refuseSince(`leaves ${countOf(requests, 'request')}: a reference needs ${acceptedLeast}`);
  }
  const streams = reference.streams.filter(isJudged);
  const meter = new OverdispersionMeter(streams.map((stream) => ({ ...stream, cells: stream.cells.length })));
  for await (const bucket of judgedBuckets(counts, uid, reference, minutesOf(window))) meter.add(bucket);
  const alike = meter
    .measured()
    .filter(({ days }) => days >= blocksLeast)
    .map(({ id, factor }) => ({ id, factor }));
  return { sums, facts: { requests, ...(alike.length === 0 ? {} : { alike }) } };
}

function refuseSince(problem: string): void {
  refuse([{ field: 'since', problem }], 'This decision');
}
