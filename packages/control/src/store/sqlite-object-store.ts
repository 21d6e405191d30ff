import { randomUUID } from 'node:crypto';
import type { DatabaseSync } from 'node:sqlite';
import { isDeepStrictEqual } from 'node:util';
import { apiVersion } from '@galley/api/kind/object';
import type { KindName, KindTypes } from '@galley/api/kind/kinds';
import { ChangeLog, changesKeptMax } from './change-log.ts';
import { transaction } from './database.ts';
import { deleteObject, settle } from './deletion.ts';
import { initialStatus } from './initial-status.ts';
import { alreadyExists, conflict, objectNotFound } from './object-error.ts';
import type {
  DeleteOptions,
  NewObject,
  ObjectList,
  ObjectStore,
  WatchEvent,
  WatchOptions,
} from './object-store.ts';
import { ObjectTable, type AnyObject } from './object-table.ts';

export interface SqliteObjectStoreOptions {
  readonly database: DatabaseSync;
  /** Milliseconds since the epoch. */
  readonly now: () => number;
  /** Makes uids; default random ones. */
  readonly newUid?: () => string;
}

/** The object store on SQLite. Calls are synchronous underneath; the promises are the contract, so that CRDs can stand behind it too. */
export class SqliteObjectStore implements ObjectStore {
  private readonly database: DatabaseSync;
  private readonly table: ObjectTable;
  private readonly log: ChangeLog;
  private readonly now: () => number;
  private readonly newUid: () => string;

  constructor(options: SqliteObjectStoreOptions) {
    this.database = options.database;
    this.table = new ObjectTable(options.database);
    this.log = new ChangeLog(options.database);
    this.now = options.now;
    this.newUid = options.newUid ?? randomUUID;
  }

  async create<K extends KindName>(kind: K, object: NewObject<K>): Promise<KindTypes[K]> {
    return this.write(() => {
      const { name, namespace } = object.metadata;
      if (this.table.get(kind, namespace, name) !== undefined) throw alreadyExists(kind, namespace, name);
      const created = {
        apiVersion,
        kind,
        metadata: {
          name,
          namespace,
          uid: this.newUid(),
          resourceVersion: '',
          generation: 1,
          creationTimestamp: this.time(),
          finalizers: [...(object.metadata.finalizers ?? [])],
          ownerReferences: [...(object.metadata.ownerReferences ?? [])],
          labels: { ...object.metadata.labels },
          annotations: { ...object.metadata.annotations },
        },
        spec: object.spec,
        status: initialStatus[kind],
        // The parts come from the row of `kind`; TypeScript cannot follow a type through an index of a mapped type.
      } as unknown as KindTypes[K];
      return this.table.put('ADDED', created);
    });
  }

  async get<K extends KindName>(kind: K, namespace: string, name: string): Promise<KindTypes[K] | undefined> {
    return this.table.get(kind, namespace, name);
  }

  async list<K extends KindName>(kind: K, options: { namespace?: string } = {}): Promise<ObjectList<K>> {
    return {
      items: this.table.list(kind, options.namespace),
      resourceVersion: String(this.table.newestVersion()),
    };
  }

  async update<K extends KindName>(object: KindTypes[K]): Promise<KindTypes[K]> {
    return this.write(() => {
      const current = this.current(object);
      const specChanged = !isDeepStrictEqual(current.spec, object.spec);
      const next = {
        ...current,
        spec: object.spec,
        metadata: {
          ...current.metadata,
          labels: object.metadata.labels,
          annotations: object.metadata.annotations,
          finalizers: object.metadata.finalizers,
          generation: current.metadata.generation + (specChanged ? 1 : 0),
        },
      };
      // An update that changes nothing makes no version, or two reconcilers could keep each other awake for ever.
      if (isDeepStrictEqual(next, current)) return current;
      const stored = this.table.put('MODIFIED', next);
      // The object is the one that was put, so its kind is too.
      return settle(this.table, stored, this.time()) as KindTypes[K];
    });
  }

  async updateStatus<K extends KindName>(object: KindTypes[K]): Promise<KindTypes[K]> {
    return this.write(() => {
      const current = this.current(object);
      if (isDeepStrictEqual(current.status, object.status)) return current;
      return this.table.put('MODIFIED', { ...current, status: object.status });
    });
  }

  async delete<K extends KindName>(
    kind: K,
    namespace: string,
    name: string,
    options: DeleteOptions = {},
  ): Promise<KindTypes[K]> {
    return this.write(() => {
      const current = this.table.get(kind, namespace, name);
      if (current === undefined) throw objectNotFound(kind, namespace, name);
      const { uid, resourceVersion } = current.metadata;
      if ((options.uid ?? uid) !== uid || (options.resourceVersion ?? resourceVersion) !== resourceVersion) {
        throw conflict(kind, namespace, name);
      }
      // The object that comes back is the one that went in, marked or gone.
      return deleteObject(
        this.table,
        current,
        options.propagation ?? 'Background',
        this.time(),
      ) as KindTypes[K];
    });
  }

  async *watch<K extends KindName>(kind: K, options: WatchOptions): AsyncGenerator<WatchEvent<K>> {
    let after = Number(options.resourceVersion ?? 'NaN');
    if (!Number.isSafeInteger(after)) {
      // One read of both, without an await between them: the version belongs to exactly this list.
      after = this.table.newestVersion();
      for (const object of this.table.list(kind, options.namespace)) yield { type: 'ADDED', object };
    }
    for await (const change of this.log.follow(kind, options.namespace, after, options.signal)) {
      // The log's bodies were written by ObjectTable.put for this kind.
      yield { type: change.type, object: JSON.parse(change.body) as KindTypes[K] };
    }
  }

  /** Bounds the log of changes (`store/retention.ts` calls it). */
  compact(keep: number = changesKeptMax): void {
    this.log.compact(keep);
  }

  private current<K extends KindName>(object: KindTypes[K]): KindTypes[K] {
    const { kind, metadata } = object;
    const found: AnyObject | undefined = this.table.get(kind, metadata.namespace, metadata.name);
    if (found === undefined) throw objectNotFound(kind, metadata.namespace, metadata.name);
    if (found.metadata.uid !== metadata.uid || found.metadata.resourceVersion !== metadata.resourceVersion) {
      throw conflict(kind, metadata.namespace, metadata.name);
    }
    // Found under the kind of `object`.
    return found as KindTypes[K];
  }

  private write<T>(work: () => T): T {
    const result = transaction(this.database, work);
    this.log.wake();
    return result;
  }

  private time(): string {
    return new Date(this.now()).toISOString();
  }
}
