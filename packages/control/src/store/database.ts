import { DatabaseSync } from 'node:sqlite';

/**
 * Every table of control. One statement list, run at each start: a database that is older gains what is missing.
 * `object_change` is the append-only log behind watches; its highest version is the newest resource version.
 */
const schema = `
CREATE TABLE IF NOT EXISTS object (
  kind TEXT NOT NULL, namespace TEXT NOT NULL, name TEXT NOT NULL,
  uid TEXT NOT NULL UNIQUE, version INTEGER NOT NULL, body TEXT NOT NULL,
  PRIMARY KEY (kind, namespace, name)
) STRICT, WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS object_change (
  version INTEGER PRIMARY KEY AUTOINCREMENT,
  type TEXT NOT NULL, kind TEXT NOT NULL, namespace TEXT NOT NULL, body TEXT NOT NULL
) STRICT;
CREATE TABLE IF NOT EXISTS build_event (
  build_uid TEXT NOT NULL, seq INTEGER NOT NULL, body TEXT NOT NULL,
  PRIMARY KEY (build_uid, seq)
) STRICT, WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS minute_count (
  revision_uid TEXT NOT NULL, replica TEXT NOT NULL, boot TEXT NOT NULL, minute INTEGER NOT NULL,
  received_at INTEGER NOT NULL, body TEXT NOT NULL,
  PRIMARY KEY (revision_uid, replica, boot, minute)
) STRICT, WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS minute_count_by_time ON minute_count (revision_uid, minute);
CREATE INDEX IF NOT EXISTS minute_count_by_arrival ON minute_count (revision_uid, received_at, octet_length(body));
CREATE TABLE IF NOT EXISTS count_total (
  revision_uid TEXT NOT NULL PRIMARY KEY, body TEXT NOT NULL
) STRICT, WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS replica_cursor (
  revision_uid TEXT NOT NULL, replica TEXT NOT NULL, boot TEXT NOT NULL, seq INTEGER NOT NULL,
  PRIMARY KEY (revision_uid, replica)
) STRICT, WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS sighting (
  revision_uid TEXT NOT NULL, replica TEXT NOT NULL, boot TEXT NOT NULL, seq INTEGER NOT NULL,
  kind TEXT NOT NULL, stream TEXT NOT NULL, value TEXT NOT NULL, received_at INTEGER NOT NULL, body TEXT NOT NULL,
  PRIMARY KEY (revision_uid, replica, boot, kind, stream, value)
) STRICT, WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS gateway_count (
  revision TEXT NOT NULL, boot TEXT NOT NULL, minute INTEGER NOT NULL, received_at INTEGER NOT NULL,
  answered INTEGER NOT NULL, failed INTEGER NOT NULL,
  PRIMARY KEY (revision, boot, minute)
) STRICT, WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS monitor_decision (
  seq INTEGER PRIMARY KEY AUTOINCREMENT, revision_uid TEXT NOT NULL, body TEXT NOT NULL, accepted TEXT
) STRICT;
CREATE INDEX IF NOT EXISTS monitor_decision_by_revision ON monitor_decision (revision_uid, seq);
CREATE TABLE IF NOT EXISTS monitor_alarm (
  revision_uid TEXT NOT NULL PRIMARY KEY, body TEXT NOT NULL
) STRICT, WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS secret (
  namespace TEXT NOT NULL, name TEXT NOT NULL, created_at TEXT NOT NULL, bytes INTEGER NOT NULL,
  nonce BLOB NOT NULL, sealed BLOB NOT NULL,
  PRIMARY KEY (namespace, name)
) STRICT, WITHOUT ROWID;
`;

/**
 * Opens control's database and brings its tables up. WAL: readers never wait for the writer. `synchronous = FULL` because
 * a status that was answered over the API must survive a power cut; control writes a few rows a second at most.
 */
export function openDatabase(path: string): DatabaseSync {
  const database = new DatabaseSync(path);
  database.exec('PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA busy_timeout = 5000;');
  // At rest a megabyte of pages is plenty; the default of 2 MB counts against the 150 MB of issue 3.
  database.exec('PRAGMA cache_size = -1024;');
  database.exec(schema);
  return database;
}

/** Runs `work` in one write transaction: all of it or nothing. */
export function transaction<T>(database: DatabaseSync, work: () => T): T {
  database.exec('BEGIN IMMEDIATE');
  try {
    const result = work();
    database.exec('COMMIT');
    return result;
  } catch (error) {
    database.exec('ROLLBACK');
    throw error;
  }
}
