/**
 * Objects with Kubernetes' semantics. Only types: `sqlite-object-store.ts` is the implementation, `contract/` the proof.
 * Nobody may compare resource versions other than for equality, and nobody may change two objects at once (DESIGN.md §3).
 */
import type { KindName, KindTypes } from '@galley/api/kind/kinds';
import type { ObjectMeta } from '@galley/api/kind/object';

/** What a creator says of an object; the store adds uid, resource version, generation, time and the first status. */
export interface NewObject<K extends KindName> {
  readonly metadata: Pick<ObjectMeta, 'name' | 'namespace'> &
    Partial<Pick<ObjectMeta, 'labels' | 'annotations' | 'finalizers' | 'ownerReferences'>>;
  readonly spec: KindTypes[K]['spec'];
}

/** How the objects that it owns go when an object goes (Kubernetes: garbage collection). */
export type Propagation = 'Background' | 'Foreground' | 'Orphan';

export interface WatchEvent<K extends KindName> {
  readonly type: 'ADDED' | 'MODIFIED' | 'DELETED';
  readonly object: KindTypes[K];
}

export interface ObjectList<K extends KindName> {
  /** Sorted by namespace, then name. */
  readonly items: readonly KindTypes[K][];
  /** Where a watch must start so as to miss nothing. */
  readonly resourceVersion: string;
}

export interface WatchOptions {
  readonly namespace?: string;
  /** Changes after this version; absent: first an ADDED for everything there is. */
  readonly resourceVersion?: string;
  readonly signal: AbortSignal;
}

export interface DeleteOptions {
  /** Default `Background`. */
  readonly propagation?: Propagation;
  /** Refused with `CONFLICT` when the object of this name is another one. */
  readonly uid?: string;
  readonly resourceVersion?: string;
}

export interface ObjectStore {
  /** Throws `ALREADY_EXISTS`. */
  create<K extends KindName>(kind: K, object: NewObject<K>): Promise<KindTypes[K]>;
  get<K extends KindName>(kind: K, namespace: string, name: string): Promise<KindTypes[K] | undefined>;
  list<K extends KindName>(kind: K, options?: { namespace?: string }): Promise<ObjectList<K>>;
  /**
   * Replaces spec, labels, annotations and finalizers; the status stays. The generation grows when the spec changed.
   * Throws `CONFLICT` when the object's resource version is not the newest, `OBJECT_NOT_FOUND`. An object that is being
   * deleted goes when its last finalizer goes.
   */
  update<K extends KindName>(object: KindTypes[K]): Promise<KindTypes[K]>;
  /** Replaces the status and nothing else. Throws `CONFLICT`, `OBJECT_NOT_FOUND`. */
  updateStatus<K extends KindName>(object: KindTypes[K]): Promise<KindTypes[K]>;
  /** Marks for deletion; without finalizers it is gone at once. Answers the object as it was last. Throws `OBJECT_NOT_FOUND`, `CONFLICT`. */
  delete<K extends KindName>(
    kind: K,
    namespace: string,
    name: string,
    options?: DeleteOptions,
  ): Promise<KindTypes[K]>;
  /** Changes in order. Throws `GONE` when the log no longer reaches back so far: list again. Ends when the signal fires. */
  watch<K extends KindName>(kind: K, options: WatchOptions): AsyncIterable<WatchEvent<K>>;
}
