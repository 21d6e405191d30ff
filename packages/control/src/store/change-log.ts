import { EventEmitter, on } from 'node:events';
import type { DatabaseSync } from 'node:sqlite';
import { GalleyError } from '@galley/api/error/galley-error';
import type { Change } from './object-table.ts';

/** Changes kept for watches; about 4 KB each. Who falls further behind lists again. */
export const changesKeptMax = 5000;
/** How many a reader takes at once, so that a slow one never holds more than this in memory. */
const batchSize = 200;

/**
 * Reads the log of changes in order and waits at its end. Writers call `wake` after their transaction; there is one
 * process per store, so a wake-up never has to cross a process.
 */
export class ChangeLog {
  private readonly database: DatabaseSync;
  private readonly wakeups = new EventEmitter();

  constructor(database: DatabaseSync) {
    this.database = database;
    // Every watch of every client listens here; the default limit of 10 is a guess about leaks.
    this.wakeups.setMaxListeners(0);
  }

  wake(): void {
    this.wakeups.emit('change');
  }

  /** The oldest version from which a watch still misses nothing. */
  floor(): number {
    const row = this.database
      .prepare(
        `SELECT coalesce(min(version) - 1, (SELECT seq FROM sqlite_sequence WHERE name = 'object_change'), 0) AS floor
         FROM object_change`,
      )
      .get();
    return Number(row?.['floor'] ?? 0);
  }

  /** Forgets all but the newest `keep` changes. Watches from before answer `GONE`. */
  compact(keep: number): void {
    this.database
      .prepare(
        `DELETE FROM object_change WHERE version <=
           (SELECT coalesce(max(seq), 0) FROM sqlite_sequence WHERE name = 'object_change') - ?`,
      )
      .run(keep);
  }

  /** Changes of a kind after a version, for ever. Throws `GONE`. */
  async *follow(
    kind: string,
    namespace: string | undefined,
    after: number,
    signal: AbortSignal,
  ): AsyncGenerator<Change> {
    const read = this.database.prepare(
      `SELECT version, type, body FROM object_change
       WHERE version > ? AND kind = ? AND namespace = coalesce(?, namespace) ORDER BY version LIMIT ?`,
    );
    let last = after;
    // Listening starts before the first read: a change between the two must not be slept through.
    const wakeups = on(this.wakeups, 'change', { signal });
    try {
      for (;;) {
        if (last < this.floor()) throw gone(last);
        const rows = read.all(last, kind, namespace ?? null, batchSize);
        for (const row of rows) {
          last = Number(row['version']);
          yield { version: last, type: changeType(row['type']), body: String(row['body']) };
          if (signal.aborted) return;
        }
        if (rows.length < batchSize) {
          // Nothing of this kind up to here: stand at the end, or compaction would overtake a quiet watch.
          last = Math.max(last, this.newest());
          const next = await wakeups.next();
          if (next.done === true) return;
        }
      }
    } catch (error) {
      if (!signal.aborted) throw error;
    } finally {
      await wakeups.return?.();
    }
  }

  private newest(): number {
    const row = this.database.prepare("SELECT seq FROM sqlite_sequence WHERE name = 'object_change'").get();
    return Number(row?.['seq'] ?? 0);
  }
}

function changeType(value: unknown): Change['type'] {
  return value === 'ADDED' || value === 'DELETED' ? value : 'MODIFIED';
}

function gone(version: number): GalleyError {
  return new GalleyError('GONE', `Changes after version ${version} are no longer kept.`, {
    hint: 'List again and watch from the version of the list.',
    details: { resourceVersion: String(version) },
  });
}
