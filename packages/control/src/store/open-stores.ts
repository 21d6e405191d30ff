import type { DatabaseSync } from 'node:sqlite';
import type { HomeLayout } from '../owner/home.ts';
import { BuildEventStore } from './build-event-store.ts';
import { openDatabase } from './database.ts';
import { DecisionStore } from './decision-store.ts';
import { MonitorStore } from './monitor-store.ts';
import { openSecretKey, SecretStore } from './secret-store.ts';
import { SqliteObjectStore } from './sqlite-object-store.ts';

/** Objects and records of a home, over one database. */
export interface Stores {
  readonly objects: SqliteObjectStore;
  readonly events: BuildEventStore;
  readonly secrets: SecretStore;
  readonly counts: MonitorStore;
  readonly decisions: DecisionStore;
  close(): void;
}

export function openStores(layout: HomeLayout, now: () => number): Stores {
  const database: DatabaseSync = openDatabase(layout.database);
  return {
    objects: new SqliteObjectStore({ database, now }),
    events: new BuildEventStore(database),
    secrets: new SecretStore({ database, key: openSecretKey(layout.secretKey), now }),
    counts: new MonitorStore({ database, now }),
    decisions: new DecisionStore(database),
    close: () => database.close(),
  };
}
