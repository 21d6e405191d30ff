import type { MonitorStore } from '../store/monitor-store.ts';
import type { Bucket } from './bucket.ts';
import { bucketMinutes } from './judge/detector.ts';
import type { JudgedBucket } from './judge/judging.ts';
import type { Reference } from './reference.ts';

/**
 * Minutes in the order of their time, of all replicas and boots, as the buckets that are judged. Whole numbers below 2^53, so sums are
 * exact in any order: a bucket would need 8.6 thousand million requests to leave that.
 */
export class FiveMinutes {
  private readonly sizes: ReadonlyMap<string, number>;
  private open: { bucket: number; requests: number; streams: Map<string, Counted> } | undefined;

  constructor(streams: Reference['streams']) {
    this.sizes = new Map(streams.map(({ id, cells }) => [id, cells.length]));
  }

  /** Takes the next minute; gives back the bucket before it when that is complete. */
  add(minute: Bucket): JudgedBucket | undefined {
    const bucket = Math.floor(minute.minute / bucketMinutes);
    const complete = this.open?.bucket === bucket ? undefined : this.end();
    this.open ??= { bucket, requests: 0, streams: new Map() };
    this.open.requests += minute.requests;
    for (const [id, { n, counts }] of Object.entries(minute.streams)) {
      const counted = this.counted(this.open.streams, id);
      counted.n += n;
      for (const [cell, count] of Object.entries(counts)) {
        const at = Number(cell);
        if (at < counted.counts.length) counted.counts[at] = (counted.counts[at] ?? 0) + count;
      }
    }
    return complete;
  }

  /** The bucket that is still open; undefined: no minute came since the last. */
  end(): JudgedBucket | undefined {
    const { open } = this;
    this.open = undefined;
    return open;
  }

  private counted(streams: Map<string, Counted>, id: string): Counted {
    let counted = streams.get(id);
    if (counted === undefined) {
      counted = { n: 0, counts: new Float64Array(this.sizes.get(id) ?? 0) };
      streams.set(id, counted);
    }
    return counted;
  }
}

/** The recorded buckets of some minutes, in the order of their time. */
export async function* judgedBuckets(
  counts: MonitorStore,
  uid: string,
  reference: Reference,
  minutes: { readonly from: number; readonly to: number },
): AsyncGenerator<JudgedBucket> {
  const five = new FiveMinutes(reference.streams);
  for await (const page of counts.minutes(uid, minutes)) {
    for (const minute of page) {
      const complete = five.add(minute);
      if (complete !== undefined) yield complete;
    }
  }
  const last = five.end();
  if (last !== undefined) yield last;
}

interface Counted {
  n: number;
  readonly counts: Float64Array;
}
