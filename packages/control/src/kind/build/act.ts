import type { BuildEventStore } from '../../store/build-event-store.ts';
import type { ObjectStore } from '../../store/object-store.ts';
import type { SecretStore } from '../../store/secret-store.ts';
import { setFinalizer, unlessGone } from '../controller.ts';
import { optionsOf, sourceOf } from './build-input.ts';
import type { BuildRunner } from './build-runner.ts';
import { workKey, type ObservedBuild } from './observe.ts';
import { buildFinalizer, type BuildAction } from './plan.ts';

export interface BuildParts {
  readonly objects: ObjectStore;
  readonly events: BuildEventStore;
  readonly secrets: SecretStore;
  readonly runner: BuildRunner;
  readonly now: () => number;
}

/** Does one action; each may be done twice. */
export async function actOnBuild(
  action: BuildAction,
  observed: ObservedBuild,
  parts: BuildParts,
): Promise<void> {
  const { build } = observed;
  const { uid } = build.metadata;
  switch (action.do) {
    case 'addFinalizer':
      return setFinalizer(parts.objects, 'Build', build, buildFinalizer, true);
    case 'removeFinalizer':
      return setFinalizer(parts.objects, 'Build', build, buildFinalizer, false);
    case 'start':
      return start(observed, action.again, parts);
    case 'cancel':
      return parts.runner.cancel(uid);
    case 'retire':
      return unlessGone(() => parts.objects.delete('Build', build.metadata.namespace, action.name));
    case 'forget':
      parts.runner.forget(uid);
      // Whoever follows the events learns that there are no more.
      return parts.events.wake(uid);
    case 'removeRecords':
      return parts.events.remove(uid);
  }
}

async function start(observed: ObservedBuild, again: boolean, parts: BuildParts): Promise<void> {
  const { build } = observed;
  const { uid, namespace, name } = build.metadata;
  if (again) {
    parts.events.append(uid, {
      time: new Date(parts.now()).toISOString(),
      object: `build/${name}`,
      phase: 'source',
      step: 'start again',
      state: 'started',
      reason: 'the server ended while this build ran',
    });
  }
  const reveal = (secret: string) => parts.secrets.reveal(namespace, secret);
  // A missing secret is the build's failure, told like every other one, not the reconciler's.
  const inputs = Promise.resolve().then(() => ({
    source: sourceOf(build, reveal),
    options: optionsOf(build, reveal),
  }));
  parts.runner.start(uid, workKey(build), inputs, (event) => parts.events.append(uid, event));
}
