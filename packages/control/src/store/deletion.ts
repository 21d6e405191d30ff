import type { AnyObject, ObjectTable } from './object-table.ts';
import type { Propagation } from './object-store.ts';

/** The finalizer behind `Foreground`: the owner stays until everything that it owns is gone (Kubernetes, garbage collection). */
export const foregroundFinalizer = 'foregroundDeletion';

/**
 * Marks an object for deletion and takes along what it owns. What has a finalizer stays, with its time of deletion, until
 * a reconciler has taken the finalizer away. Runs inside one transaction, so no crash leaves an orphan.
 */
export function deleteObject(
  table: ObjectTable,
  object: AnyObject,
  propagation: Propagation,
  time: string,
): AnyObject {
  const { metadata } = object;
  const finalizers =
    propagation === 'Foreground' && !metadata.finalizers.includes(foregroundFinalizer)
      ? [...metadata.finalizers, foregroundFinalizer]
      : metadata.finalizers;
  const marked = table.put('MODIFIED', {
    ...object,
    metadata: { ...metadata, finalizers, deletionTimestamp: metadata.deletionTimestamp ?? time },
  });
  if (propagation === 'Orphan') disown(table, marked);
  if (propagation === 'Foreground') deleteOwned(table, marked, propagation, time);
  return settle(table, marked, time);
}

/** Removes an object that is marked and has nothing left to wait for; then its owned objects, then owners that waited for it. */
export function settle(table: ObjectTable, object: AnyObject, time: string): AnyObject {
  const current = table.get(object.kind, object.metadata.namespace, object.metadata.name);
  if (current === undefined || current.metadata.uid !== object.metadata.uid) return object;
  if (current.metadata.deletionTimestamp === undefined) return current;
  const { finalizers, namespace, uid } = current.metadata;
  const waiting = finalizers.filter((name) => name !== foregroundFinalizer);
  if (waiting.length > 0) return current;
  if (finalizers.includes(foregroundFinalizer) && table.ownedBy(namespace, uid).length > 0) return current;
  const removed = table.remove(current);
  deleteOwned(table, removed, 'Background', time);
  for (const owner of current.metadata.ownerReferences) settleOwner(table, namespace, owner, time);
  return removed;
}

function settleOwner(
  table: ObjectTable,
  namespace: string,
  owner: { kind: string; name: string; uid: string },
  time: string,
): void {
  if (!isKind(owner.kind)) return;
  const found = table.get(owner.kind, namespace, owner.name);
  if (found !== undefined && found.metadata.uid === owner.uid) settle(table, found, time);
}

function deleteOwned(table: ObjectTable, owner: AnyObject, propagation: Propagation, time: string): void {
  for (const owned of table.ownedBy(owner.metadata.namespace, owner.metadata.uid)) {
    const others = owned.metadata.ownerReferences.filter((reference) => reference.uid !== owner.metadata.uid);
    // Another owner that still exists keeps it.
    const kept = others.some((reference) => {
      if (!isKind(reference.kind)) return false;
      const found = table.get(reference.kind, owner.metadata.namespace, reference.name);
      return found?.metadata.uid === reference.uid;
    });
    if (!kept && owned.metadata.deletionTimestamp === undefined) {
      deleteObject(table, owned, propagation, time);
    }
  }
}

function disown(table: ObjectTable, owner: AnyObject): void {
  for (const owned of table.ownedBy(owner.metadata.namespace, owner.metadata.uid)) {
    const ownerReferences = owned.metadata.ownerReferences.filter(
      (reference) => reference.uid !== owner.metadata.uid,
    );
    table.put('MODIFIED', { ...owned, metadata: { ...owned.metadata, ownerReferences } });
  }
}

function isKind(kind: string): kind is AnyObject['kind'] {
  return kind === 'Application' || kind === 'Build' || kind === 'Revision' || kind === 'Monitor';
}
