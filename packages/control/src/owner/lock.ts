import { existsSync } from 'node:fs';
import { dirname } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { GalleyError } from '@galley/api/error/galley-error';
import { identifyProcess, processLives, type ProcessIdentity } from '@galley/image/lease/process-identity';

/** What a process owns a home for: a server until it is stopped, a build or a command on images until it ends. */
const roles = ['server', 'build', 'command'] as const;
export type OwnerRole = (typeof roles)[number];

/** Who owns a home. */
export interface HomeOwner extends ProcessIdentity {
  readonly role: OwnerRole;
}

/** Holds a GALLEY_HOME until it is let go or its process dies. */
export interface HomeLock {
  release(): void;
}

/**
 * Takes the lock of a GALLEY_HOME. It is SQLite's exclusive lock on a database of its own: a lock of the kernel on the
 * file, so that it dies with the process, also by `kill -9` (a pid file does not, and a reused pid would lie). Throws
 * `HOME_IN_USE`, which names the owner as it wrote itself down.
 */
export function lockHome(path: string, role: OwnerRole): HomeLock {
  const database = new DatabaseSync(path);
  try {
    // A rollback journal: in WAL mode readers are let in beside an exclusive lock, and a second owner is such a reader.
    database.exec('PRAGMA busy_timeout = 0; PRAGMA journal_mode = DELETE; PRAGMA synchronous = OFF;');
    database.exec('BEGIN IMMEDIATE');
    writeOwner(database, role);
    // Whoever reads the owner just now holds this up for a moment, and does not make it fail.
    database.exec('PRAGMA busy_timeout = 2000; COMMIT; PRAGMA busy_timeout = 0');
    // RESERVED, not EXCLUSIVE: it shuts out every other owner and still lets them read who it is.
    database.exec('BEGIN IMMEDIATE');
  } catch (error) {
    database.close();
    throw isBusy(error) ? homeInUse(path, error) : error;
  }
  return {
    release() {
      database.exec('ROLLBACK');
      database.close();
    },
  };
}

/** The process that owns the home, or did so last and still lives; undefined: nobody does. */
export function homeOwner(path: string): HomeOwner | undefined {
  if (!existsSync(path)) return undefined;
  const database = new DatabaseSync(path, { readOnly: true });
  try {
    const row = database.prepare('SELECT pid, start_ticks, boot_id, role FROM owner').get();
    if (row === undefined) return undefined;
    const identity = {
      pid: Number(row['pid']),
      startTicks: String(row['start_ticks']),
      bootId: String(row['boot_id']),
    };
    const role = roles.find((known) => known === row['role']);
    return role !== undefined && processLives(identity) ? { ...identity, role } : undefined;
  } catch {
    // It is just being written for the first time.
    return undefined;
  } finally {
    database.close();
  }
}

function writeOwner(database: DatabaseSync, role: OwnerRole): void {
  const self = identifyProcess(process.pid);
  if (self === undefined) throw new Error('this process is not in /proc');
  // Made anew each time: it holds one row, and an older release may have made it with other columns.
  database.exec('DROP TABLE IF EXISTS owner');
  database.exec('CREATE TABLE owner (pid INTEGER, start_ticks TEXT, boot_id TEXT, role TEXT) STRICT');
  database
    .prepare('INSERT INTO owner (pid, start_ticks, boot_id, role) VALUES (?, ?, ?, ?)')
    .run(self.pid, self.startTicks, self.bootId, role);
}

function isBusy(error: unknown): boolean {
  return error instanceof Error && 'errcode' in error && (error.errcode === 5 || error.errcode === 261);
}

function homeInUse(path: string, cause: unknown): GalleyError {
  const owner = homeOwner(path);
  const home = dirname(path);
  if (owner === undefined) {
    return new GalleyError('HOME_IN_USE', `The Galley home ${home} belongs to another process.`, {
      hint: 'Try again: it has only just started.',
      details: { home },
      cause,
    });
  }
  const { pid, role } = owner;
  return new GalleyError('HOME_IN_USE', `The Galley home ${home} belongs to a ${role}: process ${pid}.`, {
    hint:
      role === 'server'
        ? 'galley server status shows it, galley server stop ends it; GALLEY_HOME=/path/to/a/folder takes another home.'
        : 'Wait until it has ended; GALLEY_HOME=/path/to/a/folder takes another home.',
    details: { home, pid, role },
    cause,
  });
}
