import { applicationLabel, projectLabel } from '@galley/build/workload/leftovers';
import type { Engine } from '@galley/engine/engine';
import type { ObjectStore } from './store/object-store.ts';

/**
 * Removes workloads of applications that do not exist: a `galley build` that was killed left its step running, or the database was put back
 * from a backup. No reconciler would ever look at them, and they have no end of their own. Those of applications that exist are the
 * application's and its revisions' business.
 */
export async function removeOrphans(engine: Engine, objects: ObjectStore): Promise<void> {
  const { items } = await objects.list('Application');
  const known = new Set(items.map(({ metadata }) => `${metadata.namespace}/${metadata.name}`));
  for (const { id, labels } of await engine.list()) {
    const project = labels[projectLabel];
    const application = labels[applicationLabel];
    if (project === undefined || application === undefined) continue;
    if (!known.has(`${project}/${application}`)) await engine.remove(id, 0);
  }
}
