import type { DatabaseSync } from 'node:sqlite';
import type { Bucket, BucketsAnswer, SightingLine } from '../monitor/bucket.ts';
import type { Cursor } from '../monitor/collect.ts';
import { minutesOf, type TimeWindow } from '../monitor/window.ts';
import { transaction } from './database.ts';

/** Minutes kept per revision: 35 days of one replica, of which every minute had requests. */
export const minutesPerRevisionMax = 50_400;
/** Sightings kept per revision; a replica makes ten a day and stream at most (MONITORS.md §5). */
export const sightingsPerRevisionMax = 5000;

/** A sighting with the replica that told it. */
export interface Sighting extends SightingLine {
  readonly replica: string;
}

/** A minute that is stored, and what it replaced. */
export interface StoredMinute {
  readonly stored: Bucket;
  readonly replaced: Bucket | undefined;
}

/** What the gateway counted of one revision. */
export interface GatewayCount {
  readonly revision: string;
  readonly boot: string;
  readonly minute: number;
  readonly answered: number;
  readonly failed: number;
}

/** Counts per minute, first sightings and the gateway's own counts, by the uid of their revision. */
export class MonitorStore {
  private readonly database: DatabaseSync;
  private readonly now: () => number;

  constructor(options: { database: DatabaseSync; now: () => number }) {
    this.database = options.database;
    this.now = options.now;
  }

  cursor(revisionUid: string, replica: string): Cursor | undefined {
    const row = this.database
      .prepare('SELECT boot, seq FROM replica_cursor WHERE revision_uid = ? AND replica = ?')
      .get(revisionUid, replica);
    return row === undefined ? undefined : { boot: String(row['boot']), seq: Number(row['seq']) };
  }

  /**
   * Keeps an answer of a replica: counters are cumulative per (replica, boot, minute), so the newer replaces. Cursor and
   * counts are one transaction: a crash between them would lose minutes or count them twice.
   */
  keep(revisionUid: string, replica: string, answer: BucketsAnswer): readonly StoredMinute[] {
    return transaction(this.database, () => {
      const kept = answer.buckets.flatMap((bucket) => {
        const minute = this.keepMinute(revisionUid, replica, answer.boot, bucket);
        return minute === undefined ? [] : [minute];
      });
      for (const event of answer.events) {
        this.database
          .prepare(
            // One request may show several things for the first time: they share its number, not their key.
            `INSERT OR REPLACE INTO sighting (revision_uid, replica, boot, seq, kind, stream, value, received_at, body)
             VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)`,
          )
          .run(
            revisionUid,
            replica,
            answer.boot,
            event.seq,
            event.kind,
            event.stream,
            event.value,
            this.now(),
            JSON.stringify(event),
          );
      }
      this.database
        .prepare(
          'INSERT OR REPLACE INTO replica_cursor (revision_uid, replica, boot, seq) VALUES (?, ?, ?, ?)',
        )
        .run(revisionUid, replica, answer.boot, answer.seq);
      return kept;
    });
  }

  private keepMinute(
    revisionUid: string,
    replica: string,
    boot: string,
    bucket: Bucket,
  ): StoredMinute | undefined {
    const key = [revisionUid, replica, boot, bucket.minute] as const;
    const row = this.database
      .prepare(
        'SELECT body FROM minute_count WHERE revision_uid = ? AND replica = ? AND boot = ? AND minute = ?',
      )
      .get(...key);
    const replaced = row === undefined ? undefined : parseBucket(row);
    // An answer that was overtaken by a later one.
    if (replaced !== undefined && replaced.seq >= bucket.seq) return undefined;
    this.database
      .prepare(
        `INSERT OR REPLACE INTO minute_count (revision_uid, replica, boot, minute, received_at, body)
         VALUES (?, ?, ?, ?, ?, ?)`,
      )
      .run(...key, this.now(), JSON.stringify(bucket));
    return { stored: bucket, replaced };
  }

  /** The minutes of a window, one at a time: a month of them does not belong into memory. */
  *minutes(revisionUid: string, window: TimeWindow): Generator<Bucket> {
    const { from, to } = minutesOf(window);
    const rows = this.database
      .prepare('SELECT body FROM minute_count WHERE revision_uid = ? AND minute >= ? AND minute < ?')
      .iterate(revisionUid, from, to);
    for (const row of rows) yield parseBucket(row);
  }

  /** First sightings in the order of event time. */
  sightings(revisionUid: string): readonly Sighting[] {
    return this.database
      .prepare('SELECT replica, body FROM sighting WHERE revision_uid = ? ORDER BY received_at, seq')
      .all(revisionUid)
      .map((row) => ({
        // Written by `keep`, checked before.
        ...(JSON.parse(String(row['body'])) as SightingLine),
        replica: String(row['replica']),
      }))
      .sort((a, b) => Date.parse(a.time) - Date.parse(b.time));
  }

  keepGatewayCounts(counts: readonly GatewayCount[]): void {
    const statement = this.database.prepare(
      `INSERT OR REPLACE INTO gateway_count (revision, boot, minute, received_at, answered, failed)
       VALUES (?, ?, ?, ?, ?, ?)`,
    );
    transaction(this.database, () => {
      for (const { revision, boot, minute, answered, failed } of counts) {
        statement.run(revision, boot, minute, this.now(), answered, failed);
      }
    });
  }

  /** Requests of a revision (by its uid) that the gateway saw answered. */
  answeredByGateway(revision: string): bigint {
    const row = this.database
      .prepare('SELECT coalesce(sum(answered), 0) AS answered FROM gateway_count WHERE revision = ?')
      .get(revision);
    return BigInt(Number(row?.['answered'] ?? 0));
  }

  /** Forgets the oldest beyond the bounds. True when minutes went. */
  bound(revisionUid: string): boolean {
    const minutes = this.database
      .prepare(
        `DELETE FROM minute_count WHERE revision_uid = ?1 AND received_at < (
           SELECT received_at FROM minute_count WHERE revision_uid = ?1
           ORDER BY received_at DESC LIMIT 1 OFFSET ?2)`,
      )
      .run(revisionUid, minutesPerRevisionMax);
    this.database
      .prepare(
        `DELETE FROM sighting WHERE revision_uid = ?1 AND received_at < (
           SELECT received_at FROM sighting WHERE revision_uid = ?1
           ORDER BY received_at DESC LIMIT 1 OFFSET ?2)`,
      )
      .run(revisionUid, sightingsPerRevisionMax);
    return Number(minutes.changes) > 0;
  }

  /** Everything of a revision that is gone. */
  remove(revisionUid: string): void {
    transaction(this.database, () => {
      for (const table of ['minute_count', 'replica_cursor', 'sighting']) {
        this.database.prepare(`DELETE FROM ${table} WHERE revision_uid = ?`).run(revisionUid);
      }
      this.database.prepare('DELETE FROM gateway_count WHERE revision = ?').run(revisionUid);
    });
  }
}

function parseBucket(row: Record<string, unknown>): Bucket {
  // Written by `keep`, checked before.
  return JSON.parse(String(row['body'])) as Bucket;
}
