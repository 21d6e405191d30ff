import { readFile } from 'node:fs/promises';
import { digestHex, isDigest, type Digest } from '@galley/api/digest';
import { GalleyError } from '@galley/api/error/galley-error';
import type { EndpointTypes } from '@galley/api/http/endpoints';
import type { Decision, DecisionInput } from '@galley/api/kind/decision';
import type { MonitorStatus } from '@galley/api/kind/monitor';
import type { Revision } from '@galley/api/kind/revision';
import type { Engine } from '@galley/engine/engine';
import type { ImageStore } from '@galley/image/store';
import type { MonitorReader } from '../server/api-context.ts';
import type { DecisionStore } from '../store/decision-store.ts';
import type { MonitorStore } from '../store/monitor-store.ts';
import type { ObjectStore } from '../store/object-store.ts';
import type { Traffic } from '../traffic/traffic.ts';
import { admit } from './admit.ts';
import { BucketReader } from './bucket.ts';
import { collectBuckets, unusable } from './collect.ts';
import { monitorStatus, type Seen } from './monitor-status.ts';
import { pathFunctions } from './path-functions.ts';
import { readReference, type Reference } from './reference.ts';
import { BucketSums } from './stream-sums.ts';
import { VerdictDesk } from './verdict-desk.ts';
import { isEverything, type TimeWindow } from './window.ts';

export interface MonitorDeskOptions {
  readonly objects: ObjectStore;
  readonly counts: MonitorStore;
  readonly decisions: DecisionStore;
  readonly engine: Engine;
  readonly images: ImageStore;
  readonly traffic: Traffic;
  /** Milliseconds since the epoch. */
  readonly now: () => number;
}

/** References kept in memory; one has a few hundred kilobytes. */
const referencesKeptMax = 4;
const collectMs = 20_000;

/** Collects the counts of replicas and answers for the revision that serves. */
export class MonitorDesk implements MonitorReader {
  private readonly options: MonitorDeskOptions;
  private readonly reader = new BucketReader();
  private readonly verdicts: VerdictDesk;
  private readonly references = new Map<string, Reference>();
  private readonly collecting = new Map<string, Promise<readonly string[]>>();

  constructor(options: MonitorDeskOptions) {
    this.options = options;
    this.verdicts = new VerdictDesk(options);
  }

  async window(project: string, name: string, window: TimeWindow): Promise<MonitorStatus> {
    const monitor = await this.options.objects.get('Monitor', project, name);
    if (monitor === undefined) throw noMonitor(project, name);
    return { ...(await this.look(project, name, window)), conditions: monitor.status.conditions };
  }

  async paths(
    project: string,
    name: string,
    window: TimeWindow,
  ): Promise<EndpointTypes['monitorPaths']['answer']> {
    const revision = await this.servingRevision(project, name);
    if (revision === undefined) throw noMonitor(project, name);
    await this.collect(revision);
    const reference = await this.reference(revision);
    if (reference === undefined) return { functions: [], coverage: null };
    const sums = await this.sums(revision, window);
    return {
      functions: pathFunctions(this.verdicts.referenceNow(revision, reference), sums),
      coverage: reference.coverage ?? null,
    };
  }

  async record(
    project: string,
    name: string,
  ): Promise<AsyncIterable<EndpointTypes['monitorRecord']['answer']>> {
    const { revision, reference } = await this.judged(project, name);
    return this.verdicts.record(revision, reference);
  }

  async decide(project: string, name: string, input: DecisionInput): Promise<Decision> {
    const { revision, reference } = await this.judged(project, name);
    return this.verdicts.decide(revision, reference, input);
  }

  /** What serves, its newest counts read. Throws `OBJECT_NOT_FOUND` where there is no verdict. */
  private async judged(
    project: string,
    name: string,
  ): Promise<{ readonly revision: Revision; readonly reference: Reference }> {
    const revision = await this.servingRevision(project, name);
    if (revision === undefined) throw noMonitor(project, name);
    await this.collect(revision);
    const reference = await this.reference(revision);
    if (reference !== undefined) return { revision, reference };
    throw new GalleyError('OBJECT_NOT_FOUND', `There is no verdict on ${name}: it has no reference.`, {
      hint: 'Bind `reference` in a cell (rows as the service gets them), then galley deploy.',
      details: { kind: 'Monitor', project, name },
    });
  }

  /** The newest counts and what they say, for a window of event time. */
  async look(project: string, name: string, window: TimeWindow): Promise<Seen> {
    const { counts, traffic, now } = this.options;
    const observedAt = new Date(now()).toISOString();
    const revision = await this.servingRevision(project, name);
    if (revision === undefined) {
      return monitorStatus({
        revision: undefined,
        reference: undefined,
        sums: new BucketSums(),
        sightings: [],
        answered: undefined,
        problems: [],
        verdict: undefined,
        observedAt,
        window,
      });
    }
    // The gateway first: what is answered in between would look lost.
    await traffic.collectCounts(counts);
    const { uid } = revision.metadata;
    const answered = isEverything(window) ? counts.answeredByGateway(uid) : undefined;
    const problems = await this.collect(revision);
    const reference = await this.reference(revision);
    return monitorStatus({
      revision: revision.metadata.name,
      reference: reference === undefined ? undefined : this.verdicts.referenceNow(revision, reference),
      sums: await this.sums(revision, window),
      sightings: counts.sightings(uid),
      answered,
      problems,
      verdict: reference === undefined ? undefined : await this.verdicts.verdict(revision, reference, window),
      observedAt,
      window,
    });
  }

  /** Reads what one replica has counted, for the last time before it goes. A replica that no longer answers has nothing more to say. */
  async collectLast(revision: Revision, workload: string, signal: AbortSignal): Promise<void> {
    await this.collectReplica(revision, workload, signal).catch((error: unknown) => {
      if (!(error instanceof GalleyError)) throw error;
    });
  }

  private async servingRevision(project: string, name: string): Promise<Revision | undefined> {
    const application = await this.options.objects.get('Application', project, name);
    const serving = application?.status.servingRevision;
    return serving === undefined ? undefined : this.options.objects.get('Revision', project, serving);
  }

  /** Once at a time per revision: a second asker waits for the first one's answer. Gives back a sentence for each replica that is not counted. */
  private collect(revision: Revision): Promise<readonly string[]> {
    const { uid } = revision.metadata;
    const running = this.collecting.get(uid);
    if (running !== undefined) return running;
    const work = this.collectAll(revision).finally(() => this.collecting.delete(uid));
    this.collecting.set(uid, work);
    return work;
  }

  private async collectAll(revision: Revision): Promise<readonly string[]> {
    const replicas = revision.status.replicas.filter((replica) => replica.phase === 'running');
    const signal = AbortSignal.timeout(collectMs);
    const ends = await Promise.allSettled(
      replicas.map(({ workload }) => this.collectReplica(revision, workload, signal)),
    );
    this.options.counts.bound(revision.metadata.uid);
    // One that is still starting does not listen yet.
    const problems = ends.flatMap((end, index) =>
      end.status === 'rejected' && replicas[index]?.ready === true ? [problemOf(end.reason)] : [],
    );
    const isUnread = referenceOf(revision) !== undefined && (await this.reference(revision)) === undefined;
    return isUnread
      ? [...problems, `The reference of ${revision.metadata.name} cannot be read: deploy it again.`]
      : problems;
  }

  private async collectReplica(revision: Revision, workload: string, signal: AbortSignal): Promise<void> {
    const { engine, counts } = this.options;
    const { uid } = revision.metadata;
    const reference = await this.reference(revision);
    const digest = referenceOf(revision);
    const replica = {
      engine,
      workload,
      reference: digest === undefined ? undefined : digestHex(digest),
      reader: this.reader,
    };
    for await (const answer of collectBuckets(replica, counts.cursor(uid, workload), signal)) {
      const admission = admit(answer, reference);
      if ('refused' in admission) throw unusable(workload, `tells what cannot be: ${admission.refused}`);
      counts.keep(uid, workload, admission.answer);
    }
  }

  private async sums(revision: Revision, window: TimeWindow): Promise<BucketSums> {
    const { counts } = this.options;
    const { uid } = revision.metadata;
    return isEverything(window) ? counts.totals(uid) : counts.windowSums(uid, window);
  }

  private async reference(revision: Revision): Promise<Reference | undefined> {
    const digest = referenceOf(revision);
    if (digest === undefined) return undefined;
    const known = this.references.get(digest);
    if (known !== undefined) return known;
    const value = await readFile(this.options.images.blobPath(digest), 'utf8')
      .then((text): unknown => JSON.parse(text))
      .catch(() => undefined);
    const reference = readReference(value);
    if (reference === undefined) return undefined;
    const [oldest] = this.references.keys();
    if (this.references.size >= referencesKeptMax && oldest !== undefined) this.references.delete(oldest);
    this.references.set(digest, reference);
    return reference;
  }
}

/** The blob of a revision's reference; undefined: there was no sample when it was built. */
function referenceOf({ spec }: Revision): Digest | undefined {
  const digest = spec.records['reference'];
  return digest !== undefined && isDigest(digest) ? digest : undefined;
}

/** For a person. What is no error of ours is said to be one all the same: a monitor never fails for a replica. */
function problemOf(reason: unknown): string {
  return reason instanceof Error ? reason.message : String(reason);
}

function noMonitor(project: string, name: string): GalleyError {
  return new GalleyError('OBJECT_NOT_FOUND', `There is no monitor ${name} in project ${project} yet.`, {
    hint: `galley status ${name}: a monitor begins when a revision serves.`,
    details: { kind: 'Monitor', project, name },
  });
}
