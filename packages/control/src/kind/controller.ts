import { GalleyError } from '@galley/api/error/galley-error';
import type { KindName, KindTypes } from '@galley/api/kind/kinds';
import type { Reconcile } from '../reconcile/driver.ts';
import type { ObjectStore } from '../store/object-store.ts';

/** What a plan decides: a new status, what to do, and when to look again. Data only, so that it prints and compares. */
export interface Plan<K extends KindName, Action> {
  /** Absent: the status stays as it is. */
  readonly status?: KindTypes[K]['status'];
  readonly actions: readonly Action[];
  readonly requeueAfterMs?: number;
}

/** A kind's three steps. */
export interface Controller<K extends KindName, Observed, Action> {
  readonly kind: K;
  observe(object: KindTypes[K], signal: AbortSignal): Promise<Observed>;
  plan(observed: Observed, now: number): Plan<K, Action>;
  act(action: Action, observed: Observed, signal: AbortSignal): Promise<void>;
}

/** The key of an object in queues. */
export function keyOf(object: {
  readonly metadata: { readonly namespace: string; readonly name: string };
}): string {
  return `${object.metadata.namespace}/${object.metadata.name}`;
}

/**
 * One reconcile: observe, plan, write the status, act. The status goes first: what is about to be done is on disk before
 * it is done, so a crash in between is found by the next look. A lost race on the object ends the run, and the next
 * one decides on what is there then: it is no failure, so it is neither logged nor made to wait. `gone` is told of a key that names
 * nothing any more.
 */
export function reconcileWith<K extends KindName, Observed, Action>(
  controller: Controller<K, Observed, Action>,
  objects: ObjectStore,
  now: () => number,
  gone: (key: string) => void,
): Reconcile {
  const reconcile: Reconcile = async (key, signal) => {
    const [namespace = '', name = ''] = key.split('/');
    const object = await objects.get(controller.kind, namespace, name);
    if (object === undefined) {
      gone(key);
      return {};
    }
    const observed = await controller.observe(object, signal);
    const plan = controller.plan(observed, now());
    if (plan.status !== undefined) {
      // Same kind, same object, another status.
      await objects.updateStatus<K>({ ...object, status: plan.status });
    }
    for (const action of plan.actions) {
      signal.throwIfAborted();
      await controller.act(action, observed, signal);
    }
    return plan.requeueAfterMs === undefined ? {} : { requeueAfterMs: plan.requeueAfterMs };
  };
  return (key, signal) =>
    reconcile(key, signal).catch((error: unknown) => {
      if (isLostRace(error)) return { requeueAfterMs: 0 };
      throw error;
    });
}

/** Somebody else changed or deleted the object meanwhile. */
function isLostRace(error: unknown): boolean {
  return error instanceof GalleyError && (error.code === 'CONFLICT' || error.code === 'OBJECT_NOT_FOUND');
}

/** Adds or takes away a finalizer of the object as it is now; nothing happens when it is so already or the object is gone. */
export async function setFinalizer<K extends KindName>(
  objects: ObjectStore,
  kind: K,
  object: { readonly metadata: { readonly namespace: string; readonly name: string; readonly uid: string } },
  finalizer: string,
  present: boolean,
): Promise<void> {
  const current = await objects.get(kind, object.metadata.namespace, object.metadata.name);
  if (current === undefined || current.metadata.uid !== object.metadata.uid) return;
  const others = current.metadata.finalizers.filter((name) => name !== finalizer);
  const finalizers = present ? [...others, finalizer] : others;
  if (finalizers.length === current.metadata.finalizers.length) return;
  // Same kind, same object, other finalizers.
  await objects.update<K>({ ...current, metadata: { ...current.metadata, finalizers } });
}

/** Removes what may be gone already. */
export async function unlessGone(remove: () => Promise<unknown>): Promise<void> {
  await remove().catch((error: unknown) => {
    if (!(error instanceof GalleyError && error.code === 'OBJECT_NOT_FOUND')) throw error;
  });
}
