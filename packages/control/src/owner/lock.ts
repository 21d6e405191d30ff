import { DatabaseSync } from 'node:sqlite';
import { GalleyError } from '@galley/api/error/galley-error';

/** Holds a GALLEY_HOME until it is let go or its process dies. */
export interface HomeLock {
  release(): void;
}

/**
 * Takes the lock of a GALLEY_HOME. It is SQLite's exclusive lock on a database of its own: a lock of the kernel on the
 * file, so that it dies with the process, also by `kill -9` (a pid file does not, and a reused pid would lie). Throws
 * `HOME_IN_USE`, which names the owner's pid as it wrote it.
 */
export function lockHome(path: string, pid: number): HomeLock {
  const database = new DatabaseSync(path);
  try {
    // A rollback journal: in WAL mode readers are let in beside an exclusive lock, and a second owner is such a reader.
    database.exec('PRAGMA busy_timeout = 0; PRAGMA journal_mode = DELETE; PRAGMA synchronous = OFF;');
    database.exec('CREATE TABLE IF NOT EXISTS owner (pid INTEGER NOT NULL)');
    database.exec('BEGIN IMMEDIATE');
    database.exec('DELETE FROM owner');
    database.prepare('INSERT INTO owner (pid) VALUES (?)').run(pid);
    database.exec('COMMIT');
    // RESERVED, not EXCLUSIVE: it shuts out every other owner and still lets them read whose pid it is.
    database.exec('BEGIN IMMEDIATE');
  } catch (error) {
    const owner = readOwner(path);
    database.close();
    throw isBusy(error) ? homeInUse(path, owner, error) : error;
  }
  return {
    release() {
      database.exec('ROLLBACK');
      database.close();
    },
  };
}

function readOwner(path: string): number | undefined {
  const database = new DatabaseSync(path, { readOnly: true });
  try {
    const row = database.prepare('SELECT pid FROM owner').get();
    return row === undefined ? undefined : Number(row['pid']);
  } catch {
    // The owner is between its two transactions: it exists, its pid is not written yet.
    return undefined;
  } finally {
    database.close();
  }
}

function isBusy(error: unknown): boolean {
  return error instanceof Error && 'errcode' in error && (error.errcode === 5 || error.errcode === 261);
}

function homeInUse(path: string, owner: number | undefined, cause: unknown): GalleyError {
  const who = owner === undefined ? 'another process' : `process ${owner}`;
  return new GalleyError('HOME_IN_USE', `The Galley home of ${path} belongs to ${who}.`, {
    hint: 'galley server status; galley server stop',
    details: owner === undefined ? {} : { pid: owner },
    cause,
  });
}
