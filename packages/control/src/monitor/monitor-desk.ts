import { readFile } from 'node:fs/promises';
import { isDigest } from '@galley/api/digest';
import { GalleyError } from '@galley/api/error/galley-error';
import type { EndpointTypes } from '@galley/api/http/endpoints';
import type { MonitorStatus } from '@galley/api/kind/monitor';
import type { Revision } from '@galley/api/kind/revision';
import type { Engine } from '@galley/engine/engine';
import type { ImageStore } from '@galley/image/store';
import type { MonitorReader } from '../server/api-context.ts';
import type { MonitorStore } from '../store/monitor-store.ts';
import type { ObjectStore } from '../store/object-store.ts';
import type { Traffic } from '../traffic/traffic.ts';
import { collectBuckets } from './collect.ts';
import { monitorStatus } from './monitor-status.ts';
import { pathRows } from './path-rows.ts';
import { readReference, type Reference } from './reference.ts';
import { BucketSums } from './stream-sums.ts';
import { isEverything, type TimeWindow } from './window.ts';

export interface MonitorDeskOptions {
  readonly objects: ObjectStore;
  readonly counts: MonitorStore;
  readonly engine: Engine;
  readonly images: ImageStore;
  readonly traffic: Traffic;
}

/** References kept in memory; one has a few hundred kilobytes. */
const referencesKeptMax = 4;

/** Collects the counts of replicas and answers for the revision that serves. */
export class MonitorDesk implements MonitorReader {
  private readonly options: MonitorDeskOptions;
  private readonly references = new Map<string, Reference>();
  private readonly collecting = new Map<string, Promise<void>>();

  constructor(options: MonitorDeskOptions) {
    this.options = options;
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
    if (reference === undefined) return { paths: [], coverage: null };
    return { paths: pathRows(reference, this.sums(revision, window)), coverage: reference.coverage ?? null };
  }

  /** The newest counts and what they say, for a window of event time. */
  async look(project: string, name: string, window: TimeWindow): Promise<Omit<MonitorStatus, 'conditions'>> {
    const { counts, traffic } = this.options;
    const revision = await this.servingRevision(project, name);
    if (revision === undefined) {
      return monitorStatus({
        revision: undefined,
        reference: undefined,
        sums: new BucketSums(),
        sightings: [],
        answered: undefined,
        window,
      });
    }
    await this.collect(revision);
    await traffic.collectCounts(counts);
    const { uid } = revision.metadata;
    return monitorStatus({
      revision: revision.metadata.name,
      reference: await this.reference(revision),
      sums: this.sums(revision, window),
      sightings: counts.sightings(uid),
      answered: isEverything(window) ? counts.answeredByGateway(uid) : undefined,
      window,
    });
  }

  /** Reads what one replica has counted, for the last time before it goes. A replica that no longer answers has nothing more to say. */
  async collectLast(revisionUid: string, workload: string, signal: AbortSignal): Promise<void> {
    await this.collectReplica(revisionUid, workload, signal).catch((error: unknown) => {
      if (!(error instanceof GalleyError)) throw error;
    });
  }

  private async servingRevision(project: string, name: string): Promise<Revision | undefined> {
    const application = await this.options.objects.get('Application', project, name);
    const serving = application?.status.servingRevision;
    return serving === undefined ? undefined : this.options.objects.get('Revision', project, serving);
  }

  /** Once at a time per revision: a second asker waits for the first one's answer. */
  private collect(revision: Revision): Promise<void> {
    const { uid } = revision.metadata;
    const running = this.collecting.get(uid);
    if (running !== undefined) return running;
    const replicas = revision.status.replicas.filter((replica) => replica.phase === 'running');
    const signal = AbortSignal.timeout(20_000);
    const work = Promise.allSettled(
      replicas.map(({ workload }) => this.collectReplica(uid, workload, signal)),
    )
      .then(() => void this.options.counts.bound(uid))
      .finally(() => this.collecting.delete(uid));
    this.collecting.set(uid, work);
    return work;
  }

  private async collectReplica(uid: string, workload: string, signal: AbortSignal): Promise<void> {
    const { engine, counts } = this.options;
    for await (const answer of collectBuckets(engine, workload, counts.cursor(uid, workload), signal))
      counts.keep(uid, workload, answer);
  }

  private sums(revision: Revision, window: TimeWindow): BucketSums {
    const sums = new BucketSums();
    for (const bucket of this.options.counts.minutes(revision.metadata.uid, window)) sums.add(bucket);
    return sums;
  }

  private async reference(revision: Revision): Promise<Reference | undefined> {
    const digest = revision.spec.records['reference'];
    if (digest === undefined || !isDigest(digest)) return undefined;
    const known = this.references.get(digest);
    if (known !== undefined) return known;
    const text = await readFile(this.options.images.blobPath(digest), 'utf8').catch(() => undefined);
    const reference = text === undefined ? undefined : readReference(JSON.parse(text));
    if (reference === undefined) return undefined;
    const [oldest] = this.references.keys();
    if (this.references.size >= referencesKeptMax && oldest !== undefined) this.references.delete(oldest);
    this.references.set(digest, reference);
    return reference;
  }
}

function noMonitor(project: string, name: string): GalleyError {
  return new GalleyError('OBJECT_NOT_FOUND', `There is no monitor ${name} in project ${project} yet.`, {
    hint: `galley status ${name}: a monitor begins when a revision serves.`,
    details: { kind: 'Monitor', project, name },
  });
}
