import type { Application } from '@galley/api/kind/application';
import { isBuildOf, type ApplicationBuild } from '@galley/api/kind/build';
import type { Monitor } from '@galley/api/kind/monitor';
import type { Revision } from '@galley/api/kind/revision';
import { isStepOf } from '@galley/build/workload/leftovers';
import type { Engine } from '@galley/engine/engine';
import type { ObjectStore } from '../../store/object-store.ts';
import { buildHasEnded } from '../build/phase.ts';
import type { ObservedTraffic, Traffic } from '../../traffic/traffic.ts';

/** Everything that a decision about an application needs. */
export interface ObservedApplication {
  readonly application: Application;
  /** Oldest first. */
  readonly builds: readonly ApplicationBuild[];
  /** A build of its own under the application's name has not ended: the steps may be that one's. */
  readonly sharesSteps: boolean;
  /** Oldest first. */
  readonly revisions: readonly Revision[];
  readonly monitor: Monitor | undefined;
  readonly traffic: ObservedTraffic;
  /** Workloads of steps of its builds. Each build removes its own, so without a build they were left by a killed server. */
  readonly steps: readonly string[];
  /** The path of a workload's service socket. */
  readonly socketOf: (workload: string) => string | undefined;
  readonly url: string;
}

export interface ApplicationSources {
  readonly objects: ObjectStore;
  readonly engine: Engine;
  readonly traffic: Traffic;
  readonly socketOf: (workload: string) => string | undefined;
  /** Port of the gateway. */
  readonly gatewayPort: () => number;
}

export async function observeApplication(
  application: Application,
  sources: ApplicationSources,
): Promise<ObservedApplication> {
  const { namespace, name } = application.metadata;
  const builds = await sources.objects.list('Build', { namespace });
  const revisions = await sources.objects.list('Revision', { namespace });
  const workloads = await sources.engine.list();
  return {
    application,
    builds: builds.items.filter((build) => isBuildOf(build, name)).sort(byNumber),
    sharesSteps: builds.items.some((build) => build.spec.name === name && !buildHasEnded(build)),
    revisions: revisions.items.filter((revision) => revision.spec.application === name).sort(byNumber),
    monitor: await sources.objects.get('Monitor', namespace, name),
    steps: workloads.filter(({ labels }) => isStepOf(labels, namespace, name)).map(({ id }) => id),
    traffic: await sources.traffic.observe(namespace, name),
    socketOf: sources.socketOf,
    url: `http://${name}.${namespace}.localhost:${sources.gatewayPort()}`,
  };
}

function byNumber(a: { spec: { number: number } }, b: { spec: { number: number } }): number {
  return a.spec.number - b.spec.number;
}
