import { EventEmitter, on } from 'node:events';
import type { DatabaseSync } from 'node:sqlite';
import type { GalleyEvent } from '@galley/api/event';

/** Events kept per build. A build of hundreds of wheels makes some thousands; progress beyond this is dropped, ends are not. */
export const eventsPerBuildMax = 20_000;

/** The events of builds, appended as they happen and read again by whoever follows. Keyed by the build's uid. */
export class BuildEventStore {
  private readonly database: DatabaseSync;
  private readonly wakeups = new EventEmitter();
  private readonly lastSeq = new Map<string, number>();

  constructor(database: DatabaseSync) {
    this.database = database;
    this.wakeups.setMaxListeners(0);
  }

  append(buildUid: string, event: GalleyEvent): void {
    const seq = this.newest(buildUid) + 1;
    if (seq > eventsPerBuildMax && event.state === 'progress') return;
    this.database
      .prepare('INSERT INTO build_event (build_uid, seq, body) VALUES (?, ?, ?)')
      .run(buildUid, seq, JSON.stringify(event));
    this.lastSeq.set(buildUid, seq);
    this.wakeups.emit(buildUid);
  }

  /** Events after a sequence number, in order. */
  read(buildUid: string, after = 0): readonly { readonly seq: number; readonly event: GalleyEvent }[] {
    return this.database
      .prepare('SELECT seq, body FROM build_event WHERE build_uid = ? AND seq > ? ORDER BY seq')
      .all(buildUid, after)
      .map((row) => ({
        seq: Number(row['seq']),
        // Written by `append`.
        event: JSON.parse(String(row['body'])) as GalleyEvent,
      }));
  }

  /** Wakes followers without an event: the build ended. */
  wake(buildUid: string): void {
    this.wakeups.emit(buildUid);
  }

  /** Everything there is and everything to come, until `ended` says so at a moment when nothing is left to read. */
  async *follow(
    buildUid: string,
    ended: () => Promise<boolean>,
    signal: AbortSignal,
  ): AsyncGenerator<GalleyEvent> {
    const wakeups = on(this.wakeups, buildUid, { signal });
    let after = 0;
    try {
      for (;;) {
        // Asked before reading: an event that comes between the two is read, one after the end does not exist.
        const over = await ended();
        for (const { seq, event } of this.read(buildUid, after)) {
          after = seq;
          yield event;
        }
        if (over) return;
        await wakeups.next();
      }
    } catch (error) {
      if (!signal.aborted) throw error;
    } finally {
      await wakeups.return?.();
    }
  }

  /** With the build itself. */
  remove(buildUid: string): void {
    this.database.prepare('DELETE FROM build_event WHERE build_uid = ?').run(buildUid);
    this.lastSeq.delete(buildUid);
    this.wake(buildUid);
  }

  private newest(buildUid: string): number {
    const known = this.lastSeq.get(buildUid);
    if (known !== undefined) return known;
    const row = this.database
      .prepare('SELECT coalesce(max(seq), 0) AS seq FROM build_event WHERE build_uid = ?')
      .get(buildUid);
    return Number(row?.['seq'] ?? 0);
  }
}
