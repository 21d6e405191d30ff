import type { GalleyError } from '@galley/api/error/galley-error';
import type { Application } from '@galley/api/kind/application';
import type { Revision } from '@galley/api/kind/revision';
import { projectLabel } from '@galley/build/workload/leftovers';
import type { Engine, WorkloadStatus } from '@galley/engine/engine';
import { checkHealth, type Health } from '../../replica/health.ts';
import type { ObjectStore } from '../../store/object-store.ts';
import type { ObservedTraffic, Traffic } from '../../traffic/traffic.ts';
import { revisionLabel } from './replica-workload.ts';

/** A workload of the revision, and how it answered when it runs. */
export interface ObservedReplica {
  readonly status: WorkloadStatus;
  readonly health: Health | undefined;
}

/** Everything that a decision about a revision needs. */
export interface ObservedRevision {
  readonly revision: Revision;
  readonly application: Application | undefined;
  /** It is the newest of its application. */
  readonly newest: boolean;
  readonly traffic: ObservedTraffic;
  /** Workloads that carry its label, by id; also such that its spec no longer wants. */
  readonly replicas: ReadonlyMap<string, ObservedReplica>;
  /** Why nothing can run here, with the command that mends it. */
  readonly isolationFix: string | undefined;
  /** Why the last replica that was asked for could not even be tried: a secret is missing, a limit is none, the engine failed. */
  readonly refused: GalleyError | undefined;
}

export interface RevisionSources {
  readonly objects: ObjectStore;
  readonly engine: Engine;
  readonly traffic: Traffic;
  /** By the uid of the revision. */
  readonly refusals: ReadonlyMap<string, GalleyError>;
}

export async function observeRevision(
  revision: Revision,
  sources: RevisionSources,
  signal: AbortSignal,
): Promise<ObservedRevision> {
  const { namespace, name } = revision.metadata;
  const { application } = revision.spec;
  const { items } = await sources.objects.list('Revision', { namespace });
  const siblings = items.filter((other) => other.spec.application === application);
  const workloads = (await sources.engine.list()).filter(
    ({ labels }) => labels[revisionLabel] === name && labels[projectLabel] === namespace,
  );
  const isolation = await sources.engine.isolation();
  return {
    revision,
    application: await sources.objects.get('Application', namespace, application),
    newest: siblings.every((other) => other.spec.number <= revision.spec.number),
    traffic: await sources.traffic.observe(namespace, application),
    replicas: new Map(
      await Promise.all(
        workloads.map(async (status) => {
          const health =
            status.phase === 'running' ? await checkHealth(sources.engine, status.id, signal) : undefined;
          return [status.id, { status, health }] as const;
        }),
      ),
    ),
    isolationFix: isolation.missing === undefined ? undefined : (isolation.fix ?? 'galley doctor'),
    refused: sources.refusals.get(revision.metadata.uid),
  };
}
