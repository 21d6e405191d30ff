import type { EndpointTypes } from '@galley/api/http/endpoints';
import type { Decision, DecisionInput } from '@galley/api/kind/decision';
import type { Revision } from '@galley/api/kind/revision';
import type { Verdict } from '@galley/api/kind/verdict';
import { refuse } from '../server/validate.ts';
import type { DecisionStore } from '../store/decision-store.ts';
import type { MonitorStore } from '../store/monitor-store.ts';
import { acceptedCounts } from './accepted-counts.ts';
import { acceptedReference } from './accepted-reference.ts';
import { judgedBuckets } from './five-minutes.ts';
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
  /** Before the first bucket, and the number of the bucket before it. */
  readonly fresh: Remembered;
  readonly begin: number;
  /** After the last bucket that is settled, and that bucket. */
  settled: Remembered;
  through: number;
  /** Milliseconds: counts that came since then may be new. */
  lookedAt: number;
  /** Of that look. */
  verdict: Verdict | undefined;
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
  private readonly turns = new Map<string, Promise<undefined>>();

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
    return this.inTurn(uid, async () => {
      const standing = this.standing(revision, reference);
      if (!isEverything(window)) return this.windowed(revision, standing, window);
      return this.latched(uid, { ...(await this.running(revision, standing)), ...decided(standing) });
    });
  }

  /** One after the other per revision: a look goes on from the last, and none may end beside a decision that makes it old. */
  private async inTurn<T>(uid: string, work: () => Promise<T>): Promise<T> {
    const turn = (this.turns.get(uid) ?? Promise.resolve()).then(work);
    const settled = turn.then(
      () => undefined,
      () => undefined,
    );
    this.turns.set(uid, settled);
    try {
      return await turn;
    } finally {
      if (this.turns.get(uid) === settled) this.turns.delete(uid);
    }
  }

  private async windowed(revision: Revision, standing: Standing, window: TimeWindow): Promise<Verdict> {
    const { judging, fresh } = this.keptOf(revision, standing);
    judging.restore(fresh);
    const buckets = judgedBuckets(this.counts, revision.metadata.uid, standing.reference, minutesOf(window));
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
      streams: streams.map(({ id, group, kind, cells, counts, n, edges, atoms, alike }) => ({
        id,
        group,
        kind,
        cells,
        counts,
        n,
        ...(edges === undefined ? {} : { edges }),
        ...(atoms === undefined ? {} : { atoms }),
        ...(alike === undefined ? {} : { alike }),
      })),
    };
    const judging = new Judging(streams, settings);
    for await (const bucket of judgedBuckets(this.counts, uid, standing.reference, judgedMinutes(standing))) {
      judging.add(bucket);
      yield {
        ...bucket,
        streams: [...bucket.streams].map(([id, { n, counts }]) => ({ id, n, counts: Array.from(counts) })),
      };
    }
    yield { verdict: judging.verdict() };
  }

  /** Takes a person's decision. Throws `OBJECT_INVALID` when there is nothing to decide upon. */
  async decide(revision: Revision, reference: Reference, input: DecisionInput): Promise<Decision> {
    const { uid } = revision.metadata;
    return this.inTurn(uid, async () => {
      const newest = this.counts.newestMinute(uid);
      if (newest === undefined)
        refuse([{ field: 'kind', problem: 'needs requests: none is counted' }], decision);
      const fromMs = (Math.floor((newest ?? 0) / bucketMinutes) + 1) * bucketMinutes * 60_000;
      const taken = {
        ...input,
        time: new Date(this.now()).toISOString(),
        judgedFrom: new Date(fromMs).toISOString(),
      };
      const accepted =
        input.kind === 'accept'
          ? await acceptedCounts(this.counts, uid, reference, { since: input.since, toMs: fromMs })
          : undefined;
      const answer = { ...taken, ...accepted?.facts };
      this.decisions.add(uid, answer, accepted?.sums);
      this.forget(uid);
      return answer;
    });
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
      reference:
        accepted === undefined
          ? reference
          : acceptedReference(reference, accepted.sums, accepted.decision.alike),
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
    if (earliest === undefined && kept.verdict !== undefined) return kept.verdict;
    if (earliest !== undefined && Math.floor(earliest / bucketMinutes) <= kept.through) {
      // Counts of a time that was settled: from the beginning. Not with another judging: to draw its limits takes long, and a replica may tell of old minutes as often as it likes.
      kept.settled = kept.fresh;
      kept.through = kept.begin;
    }
    kept.judging.restore(kept.settled);
    const newest: JudgedBucket[] = [];
    let { through } = kept;
    const from = (through + 1) * bucketMinutes;
    for await (const bucket of judgedBuckets(this.counts, uid, reference, {
      from,
      to: Number.MAX_SAFE_INTEGER,
    })) {
      newest.push(bucket);
      if (newest.length <= unsettledBuckets) continue;
      const [oldest] = newest.splice(0, 1);
      if (oldest === undefined) continue;
      kept.judging.add(oldest);
      through = oldest.bucket;
    }
    // Together, and after the last read: one that fails must not leave buckets between the two.
    kept.through = through;
    kept.settled = kept.judging.remembered();
    kept.lookedAt = lookedAt;
    for (const bucket of newest) kept.judging.add(bucket);
    kept.verdict = kept.judging.verdict();
    return kept.verdict;
  }

  private keptOf(revision: Revision, standing: Standing): Kept {
    const { uid } = revision.metadata;
    const known = this.kept.get(uid);
    if (known !== undefined) return known;
    const judging = new Judging(judgedStreams(standing.reference), settingsOf(revision));
    const through = judgedMinutes(standing).from / bucketMinutes - 1;
    const fresh = judging.remembered();
    const kept: Kept = {
      judging,
      fresh,
      begin: through,
      settled: fresh,
      through,
      // Nothing has come since a time that never is.
      lookedAt: Infinity,
      verdict: undefined,
    };
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
}

const decision = 'This decision';

function decided({ decision: last }: Standing): Pick<Verdict, 'decision'> {
  return last === undefined ? {} : { decision: last };
}

/** The minutes that are judged: those after the last decision. */
function judgedMinutes({ decision: last }: Standing): { readonly from: number; readonly to: number } {
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
