import type { EndpointTypes } from '@galley/api/http/endpoints';
import { countOf } from '@galley/api/kind/count';
import type { Decision, DecisionInput } from '@galley/api/kind/decision';
import type { Revision } from '@galley/api/kind/revision';
import type { Verdict } from '@galley/api/kind/verdict';
import { refuse } from '../server/validate.ts';
import type { DecisionStore } from '../store/decision-store.ts';
import type { MonitorStore } from '../store/monitor-store.ts';
import { acceptedLeast, acceptedReference } from './accepted-reference.ts';
import { FiveMinutes } from './five-minutes.ts';
import { bucketMinutes, defaultSettings, type JudgeSettings } from './judge/detector.ts';
import { Judging, type JudgedBucket, type Remembered } from './judge/judging.ts';
import type { Reference } from './reference.ts';
import { isEverything, minutesOf, type TimeWindow } from './window.ts';

/** Judgings kept in memory; one has some hundred kilobytes. */
const keptMax = 16;
/** The newest buckets may still grow: minutes close after ten. They are judged anew at each look. */
const unsettledBuckets = 3;

/** A judging that goes on from look to look. It is only a short cut: the verdict follows from the counts in the records alone. */
interface Kept {
  readonly judging: Judging;
  /** Before the first bucket. */
  readonly fresh: Remembered;
  /** After the last bucket that is settled, and that bucket. */
  settled: Remembered;
  through: number;
  /** Milliseconds: counts that came since then may be new. */
  lookedAt: number;
}

interface Standing {
  readonly decision: Decision | undefined;
  /** With the counts that a person accepted in place of its own. */
  readonly reference: Reference;
}

/** The verdict of a revision, from the counts that are in the records. A restart loses nothing: it reads them again. */
export class VerdictDesk {
  private readonly counts: MonitorStore;
  private readonly decisions: DecisionStore;
  private readonly now: () => number;
  private readonly kept = new Map<string, Kept>();
  private readonly standings = new Map<string, Standing>();
  /** One look at a time per revision: each goes on from the last. */
  private readonly looking = new Map<string, Promise<unknown>>();

  constructor(options: {
    readonly counts: MonitorStore;
    readonly decisions: DecisionStore;
    readonly now: () => number;
  }) {
    this.counts = options.counts;
    this.decisions = options.decisions;
    this.now = options.now;
  }

  /** What a revision is compared with: its image's reference, or what was accepted in its place. */
  referenceNow(revision: Revision, reference: Reference): Reference {
    return this.standing(revision, reference).reference;
  }

  /** Of a window of time it is the verdict of a judging that began with it. */
  async verdict(revision: Revision, reference: Reference, window: TimeWindow): Promise<Verdict> {
    const { uid } = revision.metadata;
    const before = this.looking.get(uid) ?? Promise.resolve();
    const standing = this.standing(revision, reference);
    const all = isEverything(window);
    const look = before.then(() =>
      all ? this.running(revision, standing) : this.windowed(revision, standing, window),
    );
    this.looking.set(
      uid,
      look.catch(() => undefined),
    );
    return all ? this.latched(uid, { ...(await look), ...decided(standing) }) : look;
  }

  private async windowed(revision: Revision, standing: Standing, window: TimeWindow): Promise<Verdict> {
    const { judging, fresh } = this.keptOf(revision, standing);
    judging.restore(fresh);
    const buckets = this.buckets(revision.metadata.uid, standing.reference, minutesOf(window));
    for await (const bucket of buckets) judging.add(bucket);
    return judging.verdict();
  }

  /** All that the verdict follows from, and last the verdict that follows. */
  async *record(
    revision: Revision,
    reference: Reference,
  ): AsyncGenerator<EndpointTypes['monitorRecord']['answer']> {
    const { uid, name } = revision.metadata;
    const standing = this.standing(revision, reference);
    const streams = judgedStreams(standing.reference);
    const settings = settingsOf(revision);
    yield {
      schema: 'galley.dev/verdict-record/v1',
      revision: name,
      settings,
      streams: streams.map(({ id, group, kind, cells, counts, n, edges, atoms }) => ({
        id,
        group,
        kind,
        cells,
        counts,
        n,
        ...(edges === undefined ? {} : { edges }),
        ...(atoms === undefined ? {} : { atoms }),
      })),
    };
    const judging = new Judging(streams, settings);
    for await (const bucket of this.buckets(uid, standing.reference, since(standing))) {
      judging.add(bucket);
      yield {
        ...bucket,
        streams: [...bucket.streams].map(([id, { n, counts }]) => ({ id, n, counts: Array.from(counts) })),
      };
    }
    yield { verdict: judging.verdict() };
  }

  /** Takes a person's decision. Throws `OBJECT_INVALID` when there is nothing to decide upon. */
  async decide(revision: Revision, input: DecisionInput): Promise<Decision> {
    const { uid, name } = revision.metadata;
    const newest = this.counts.newestMinute(uid);
    if (newest === undefined)
      refuse([{ field: 'kind', problem: `needs requests, and ${name} has counted none` }], decision);
    const from = (Math.floor((newest ?? 0) / bucketMinutes) + 1) * bucketMinutes * 60_000;
    const taken = {
      ...input,
      time: new Date(this.now()).toISOString(),
      judgedFrom: new Date(from).toISOString(),
    };
    if (input.kind === 'acknowledge') {
      this.decisions.add(uid, taken, undefined);
      this.forget(uid);
      return taken;
    }
    const fromMs = Date.parse(input.since ?? '');
    if (Number.isNaN(fromMs))
      refuse([{ field: 'since', problem: 'must be a time as RFC 3339 writes it' }], decision);
    const sums = await this.counts.windowSums(uid, { fromMs, toMs: from });
    const requests = Number(sums.requests);
    if (requests < acceptedLeast) {
      const problem = `leaves ${countOf(requests, 'request')}: a reference needs ${acceptedLeast}`;
      refuse([{ field: 'since', problem }], decision);
    }
    this.decisions.add(uid, { ...taken, requests }, sums);
    this.forget(uid);
    return { ...taken, requests };
  }

  /** An alarm stays until a person answers it, also when the counts that it followed from are forgotten. */
  private latched(uid: string, verdict: Verdict): Verdict {
    const stood = this.decisions.alarm(uid);
    if (verdict.alarmAt !== undefined) {
      const { state, alarmAt, moved } = verdict;
      if (stood === undefined) this.decisions.keepAlarm(uid, { state, alarmAt, moved });
      return verdict;
    }
    return stood === undefined ? verdict : { ...verdict, ...stood };
  }

  private standing(revision: Revision, reference: Reference): Standing {
    const { uid } = revision.metadata;
    const known = this.standings.get(uid);
    if (known !== undefined) return known;
    const { decision: last, accepted } = this.decisions.basis(uid);
    const standing = {
      decision: last,
      reference: accepted === undefined ? reference : acceptedReference(reference, accepted),
    };
    const [oldest] = this.standings.keys();
    if (this.standings.size >= keptMax && oldest !== undefined) this.forget(oldest);
    this.standings.set(uid, standing);
    return standing;
  }

  private async running(revision: Revision, standing: Standing): Promise<Verdict> {
    const { uid } = revision.metadata;
    const { reference } = standing;
    const kept = this.keptOf(revision, standing);
    const lookedAt = this.now();
    const earliest = this.counts.earliestSince(uid, kept.lookedAt);
    if (earliest !== undefined && Math.floor(earliest / bucketMinutes) <= kept.through) {
      // Counts of a time that was settled: from the beginning.
      this.kept.delete(uid);
      return this.running(revision, standing);
    }
    kept.judging.restore(kept.settled);
    const newest: JudgedBucket[] = [];
    const from = (kept.through + 1) * bucketMinutes;
    for await (const bucket of this.buckets(uid, reference, { from, to: Number.MAX_SAFE_INTEGER })) {
      newest.push(bucket);
      if (newest.length <= unsettledBuckets) continue;
      const [oldest] = newest.splice(0, 1);
      if (oldest === undefined) continue;
      kept.judging.add(oldest);
      kept.through = oldest.bucket;
    }
    kept.settled = kept.judging.remembered();
    kept.lookedAt = lookedAt;
    for (const bucket of newest) kept.judging.add(bucket);
    return kept.judging.verdict();
  }

  private keptOf(revision: Revision, standing: Standing): Kept {
    const { uid } = revision.metadata;
    const known = this.kept.get(uid);
    if (known !== undefined) return known;
    const judging = new Judging(judgedStreams(standing.reference), settingsOf(revision));
    // Nothing has come since a time that never is.
    const through = since(standing).from / bucketMinutes - 1;
    const fresh = judging.remembered();
    const kept = { judging, fresh, settled: fresh, through, lookedAt: Infinity };
    const [oldest] = this.kept.keys();
    if (this.kept.size >= keptMax && oldest !== undefined) this.kept.delete(oldest);
    this.kept.set(uid, kept);
    return kept;
  }

  /** What is known of a revision is read again. */
  private forget(uid: string): void {
    this.kept.delete(uid);
    this.standings.delete(uid);
  }

  /** The buckets of some minutes, in the order of their time. */
  private async *buckets(
    uid: string,
    reference: Reference,
    minutes: { readonly from: number; readonly to: number },
  ): AsyncGenerator<JudgedBucket> {
    const five = new FiveMinutes(reference.streams);
    for await (const page of this.counts.minutes(uid, minutes)) {
      for (const minute of page) {
        const complete = five.add(minute);
        if (complete !== undefined) yield complete;
      }
    }
    const last = five.end();
    if (last !== undefined) yield last;
  }
}

const decision = 'This decision';

function decided({ decision: last }: Standing): Pick<Verdict, 'decision'> {
  return last === undefined ? {} : { decision: last };
}

/** The minutes that are judged: those after the last decision. */
function since({ decision: last }: Standing): { readonly from: number; readonly to: number } {
  return { from: last === undefined ? 0 : Date.parse(last.judgedFrom) / 60_000, to: Number.MAX_SAFE_INTEGER };
}

/** What galley.yaml says of judging, else the defaults. */
function settingsOf({ spec }: Revision): JudgeSettings {
  return {
    falseAlarmsPerYear: spec.monitor?.falseAlarmsPerYear ?? defaultSettings.falseAlarmsPerYear,
    tolerance: spec.monitor?.tolerance ?? defaultSettings.tolerance,
    requestsAlike: spec.monitor?.requestsAlike ?? defaultSettings.requestsAlike,
  };
}

/** The streams that are judged: not those of which the reference has too few requests that no fit has seen. */
function judgedStreams(reference: Reference): Reference['streams'] {
  return reference.streams.filter(({ learning }) => learning !== true);
}
