import { applicationLabel, projectLabel } from '@galley/build/workload/leftovers';
import type { Engine } from '@galley/engine/engine';
import { cancelAnnotation } from './kind/build/annotations.ts';
import { workKey } from './kind/build/observe.ts';
import { buildHasEnded } from './kind/build/phase.ts';
import { keyOf } from './kind/controller.ts';
import type { ObjectStore } from './store/object-store.ts';

/**
 * Removes workloads of applications that do not exist: a `galley build` that was killed left its step running, or the database was put back
 * from a backup. No reconciler would ever look at them, and they have no end of their own. Those of applications that exist are the
 * application's and its revisions' business, and a build that goes on takes its own up again.
 */
export async function removeOrphans(engine: Engine, objects: ObjectStore): Promise<void> {
  const applications = await objects.list('Application');
  const builds = await objects.list('Build');
  const goOn = builds.items.filter(
    (build) => !buildHasEnded(build) && build.metadata.annotations[cancelAnnotation] === undefined,
  );
  const known = new Set([...applications.items.map(keyOf), ...goOn.map(workKey)]);
  for (const { id, labels } of await engine.list()) {
    const project = labels[projectLabel];
    const application = labels[applicationLabel];
    if (project === undefined || application === undefined) continue;
    if (!known.has(`${project}/${application}`)) await engine.remove(id, 0);
  }
}
