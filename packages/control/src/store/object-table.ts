import type { DatabaseSync, StatementSync } from 'node:sqlite';
import type { KindName, KindTypes } from '@galley/api/kind/kinds';
import type { WatchEvent } from './object-store.ts';

/** An object of any kind. */
export type AnyObject = KindTypes[KindName];

/** One line of the change log. */
export interface Change {
  readonly version: number;
  readonly type: WatchEvent<KindName>['type'];
  readonly body: string;
}

/**
 * The two tables of objects, as rows: what is there now and what changed. Every write appends to the log under the next
 * version of the one counter. Must be called inside a transaction.
 */
export class ObjectTable {
  private readonly statements: Record<
    'get' | 'put' | 'remove' | 'append' | 'owned' | 'newest',
    StatementSync
  >;
  private readonly database: DatabaseSync;

  constructor(database: DatabaseSync) {
    this.database = database;
    this.statements = {
      get: database.prepare('SELECT body FROM object WHERE kind = ? AND namespace = ? AND name = ?'),
      put: database.prepare(
        'INSERT OR REPLACE INTO object (kind, namespace, name, uid, version, body) VALUES (?, ?, ?, ?, ?, ?)',
      ),
      remove: database.prepare('DELETE FROM object WHERE kind = ? AND namespace = ? AND name = ?'),
      append: database.prepare(
        'INSERT INTO object_change (version, type, kind, namespace, body) VALUES (?, ?, ?, ?, ?)',
      ),
      // Few objects live in one project, so a scan of their owners is cheaper than a second table to keep true.
      owned: database.prepare(
        `SELECT body FROM object WHERE namespace = ? AND EXISTS
           (SELECT 1 FROM json_each(body, '$.metadata.ownerReferences') WHERE value ->> 'uid' = ?)`,
      ),
      newest: database.prepare("SELECT seq FROM sqlite_sequence WHERE name = 'object_change'"),
    };
  }

  /** The newest version given out; 0 in an empty store. */
  newestVersion(): number {
    return Number(this.statements.newest.get()?.['seq'] ?? 0);
  }

  get<K extends KindName>(kind: K, namespace: string, name: string): KindTypes[K] | undefined {
    return parse<K>(this.statements.get.get(kind, namespace, name));
  }

  list<K extends KindName>(kind: K, namespace: string | undefined): readonly KindTypes[K][] {
    const rows =
      namespace === undefined
        ? this.database.prepare('SELECT body FROM object WHERE kind = ? ORDER BY namespace, name').all(kind)
        : this.database
            .prepare('SELECT body FROM object WHERE kind = ? AND namespace = ? ORDER BY name')
            .all(kind, namespace);
    return rows.flatMap((row) => parse<K>(row) ?? []);
  }

  /** Objects that name this uid among their owners. */
  ownedBy(namespace: string, uid: string): readonly AnyObject[] {
    return this.statements.owned.all(namespace, uid).flatMap((row) => parse<KindName>(row) ?? []);
  }

  /** Writes the object under the next version and says so in the log. */
  put<T extends AnyObject>(type: 'ADDED' | 'MODIFIED', object: T): T {
    const version = this.newestVersion() + 1;
    const stored = withVersion(object, version);
    const { namespace, name, uid } = stored.metadata;
    const body = JSON.stringify(stored);
    this.statements.put.run(stored.kind, namespace, name, uid, version, body);
    this.statements.append.run(version, type, stored.kind, namespace, body);
    return stored;
  }

  /** Takes the object away under the next version and says so in the log. */
  remove<T extends AnyObject>(object: T): T {
    const version = this.newestVersion() + 1;
    const last = withVersion(object, version);
    this.statements.remove.run(last.kind, last.metadata.namespace, last.metadata.name);
    this.statements.append.run(version, 'DELETED', last.kind, last.metadata.namespace, JSON.stringify(last));
    return last;
  }
}

function withVersion<T extends AnyObject>(object: T, version: number): T {
  return { ...object, metadata: { ...object.metadata, resourceVersion: String(version) } };
}

function parse<K extends KindName>(row: Record<string, unknown> | undefined): KindTypes[K] | undefined {
  // What lies in the table was written by `put`, and the kind is part of its key.
  return row === undefined ? undefined : (JSON.parse(String(row['body'])) as KindTypes[K]);
}
