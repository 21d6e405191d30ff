import { setTimeout as delay } from 'node:timers/promises';
import { GalleyError } from '@galley/api/error/galley-error';
import type { KindName, KindTypes } from '@galley/api/kind/kinds';
import { projectLabel } from '@galley/build/workload/leftovers';
import type { Engine } from '@galley/engine/engine';
import { revisionLabel } from './kind/revision/replica-workload.ts';
import type { Driver } from './reconcile/driver.ts';
import type { ObjectStore } from './store/object-store.ts';

export interface RelayOptions {
  readonly objects: ObjectStore;
  readonly engine: Engine;
  readonly driver: Driver;
  readonly signal: AbortSignal;
  readonly onError: (controller: string, key: string, error: unknown) => void;
}

/**
 * Tells reconcilers that something changed: an object's own key, its application's, and what belongs to its application; a workload's
 * revision. Says which object, never what changed. Runs until the signal fires.
 */
export async function relaySignals(options: RelayOptions): Promise<void> {
  const relays = [
    keepOn('Application', options, () => watchKind('Application', options)),
    keepOn('Build', options, () => watchKind('Build', options)),
    keepOn('Revision', options, () => watchKind('Revision', options)),
    keepOn('Monitor', options, () => watchKind('Monitor', options)),
    keepOn('engine', options, () => watchEngine(options)),
  ];
  await Promise.all(relays);
}

/** A watch that ends early (its log was compacted, the engine broke off) begins again from what is there. */
async function keepOn(name: string, options: RelayOptions, watch: () => Promise<void>): Promise<void> {
  while (!options.signal.aborted) {
    try {
      await watch();
    } catch (error) {
      if (options.signal.aborted) return;
      if (!(error instanceof GalleyError && error.code === 'GONE')) options.onError('watch', name, error);
      await delay(500, undefined, { signal: options.signal }).catch(() => undefined);
    }
  }
}

async function watchKind<K extends KindName>(
  kind: K,
  { objects, driver, signal }: RelayOptions,
): Promise<void> {
  for await (const { object } of objects.watch(kind, { signal })) {
    const { namespace, name } = object.metadata;
    driver.signal(kind, `${namespace}/${name}`);
    const application = applicationOf(object);
    if (kind !== 'Application' && application !== undefined)
      driver.signal('Application', `${namespace}/${application}`);
    // A revision goes when its application's routes or its siblings change.
    if (kind === 'Application' || kind === 'Revision')
      await signalRevisions(objects, driver, namespace, application);
    if (kind === 'Application') driver.signal('Monitor', `${namespace}/${name}`);
  }
}

function applicationOf(object: KindTypes[KindName]): string | undefined {
  return object.kind === 'Application' ? object.metadata.name : object.spec.application;
}

async function signalRevisions(
  objects: ObjectStore,
  driver: Driver,
  namespace: string,
  application: string | undefined,
): Promise<void> {
  const { items } = await objects.list('Revision', { namespace });
  for (const revision of items) {
    if (revision.spec.application === application)
      driver.signal('Revision', `${namespace}/${revision.metadata.name}`);
  }
}

async function watchEngine({ engine, driver, signal }: RelayOptions): Promise<void> {
  for await (const { labels } of engine.watch(signal)) {
    const project = labels[projectLabel];
    const revision = labels[revisionLabel];
    if (project !== undefined && revision !== undefined) driver.signal('Revision', `${project}/${revision}`);
  }
}
