import type { DatabaseSync, SQLOutputValue } from 'node:sqlite';
import { setImmediate as breathe } from 'node:timers/promises';
import type { Bucket, BucketsAnswer, SightingLine } from '../monitor/bucket.ts';
import type { Cursor } from '../monitor/collect.ts';
import { BucketSums } from '../monitor/stream-sums.ts';
import { minutesOf, type TimeWindow } from '../monitor/window.ts';
import { transaction } from './database.ts';

/** Bounds of what is kept of one revision; the oldest goes first. */
export interface MonitorBounds {
  /** 35 days of one replica, of which every minute had requests. */
  readonly minutes: number;
  /** Of those minutes. A busy minute of fifty streams has about 9 KB. */
  readonly bytes: number;
  /** A replica makes ten a day and stream at most (MONITORS.md §5). */
  readonly sightings: number;
}

export const defaultBounds: MonitorBounds = { minutes: 50_400, bytes: 512 * 1024 ** 2, sightings: 5000 };

/** So many minutes are read before other work gets its turn: a month of them takes seconds. */
const pageMinutes = 200;

/** A sighting with the replica that told it first. */
export interface Sighting extends SightingLine {
  readonly replica: string;
}

/** What the gateway counted of one revision. */
export interface GatewayCount {
  readonly revision: string;
  readonly boot: string;
  readonly minute: number;
  readonly answered: number;
  readonly failed: number;
}

type Row = Record<string, SQLOutputValue>;

/** Counts per minute, their sum, first sightings and the gateway's own counts, by the uid of their revision. */
export class MonitorStore {
  private readonly database: DatabaseSync;
  private readonly now: () => number;
  private readonly bounds: MonitorBounds;

  constructor(options: { database: DatabaseSync; now: () => number; bounds?: MonitorBounds }) {
    this.database = options.database;
    this.now = options.now;
    this.bounds = options.bounds ?? defaultBounds;
  }

  cursor(revisionUid: string, replica: string): Cursor | undefined {
    const row = this.database
      .prepare('SELECT boot, seq FROM replica_cursor WHERE revision_uid = ? AND replica = ?')
      .get(revisionUid, replica);
    return row === undefined ? undefined : { boot: String(row['boot']), seq: Number(row['seq']) };
  }

  /**
   * Keeps an answer of a replica: counters are cumulative per (replica, boot, minute), so the newer replaces. Cursor, counts and
   * their sum are one transaction: a crash between them would lose minutes or count them twice.
   */
  keep(revisionUid: string, replica: string, answer: BucketsAnswer): void {
    const { boot, seq, buckets, events } = answer;
    const before = this.cursor(revisionUid, replica);
    const nothingNew = buckets.length === 0 && events.length === 0;
    if (nothingNew && before?.boot === boot && before.seq === seq) return;
    transaction(this.database, () => {
      if (buckets.length > 0) {
        const sums = this.totals(revisionUid);
        for (const bucket of buckets) this.keepMinute(revisionUid, replica, boot, bucket, sums);
        this.writeTotals(revisionUid, sums);
      }
      for (const event of events) this.keepSighting(revisionUid, replica, boot, event);
      this.database
        .prepare(
          'INSERT OR REPLACE INTO replica_cursor (revision_uid, replica, boot, seq) VALUES (?, ?, ?, ?)',
        )
        .run(revisionUid, replica, boot, seq);
    });
  }

  private keepMinute(
    revisionUid: string,
    replica: string,
    boot: string,
    bucket: Bucket,
    sums: BucketSums,
  ): void {
    const key = [revisionUid, replica, boot, bucket.minute] as const;
    const row = this.database
      .prepare(
        'SELECT body FROM minute_count WHERE revision_uid = ? AND replica = ? AND boot = ? AND minute = ?',
      )
      .get(...key);
    const replaced = row === undefined ? undefined : parseBucket(row);
    // An answer that was overtaken by a later one.
    if (replaced !== undefined && replaced.seq >= bucket.seq) return;
    this.database
      .prepare(
        `INSERT OR REPLACE INTO minute_count (revision_uid, replica, boot, minute, received_at, body)
         VALUES (?, ?, ?, ?, ?, ?)`,
      )
      .run(...key, this.now(), JSON.stringify(bucket));
    if (replaced !== undefined) sums.subtract(replaced);
    sums.add(bucket);
  }

  private keepSighting(revisionUid: string, replica: string, boot: string, event: SightingLine): void {
    const { seq, kind, stream, value } = event;
    this.database
      .prepare(
        // One request may show several things for the first time: they share its number, not their key.
        `INSERT OR REPLACE INTO sighting (revision_uid, replica, boot, seq, kind, stream, value, received_at, body)
         VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)`,
      )
      .run(revisionUid, replica, boot, seq, kind, stream, value, this.now(), JSON.stringify(event));
  }

  /** The sum of all minutes that are kept, without reading them. */
  totals(revisionUid: string): BucketSums {
    const row = this.database.prepare('SELECT body FROM count_total WHERE revision_uid = ?').get(revisionUid);
    if (row !== undefined) return BucketSums.fromText(String(row['body']));
    // Counts from before sums were kept.
    const sums = new BucketSums();
    const rows = this.database.prepare('SELECT body FROM minute_count WHERE revision_uid = ?');
    for (const each of rows.iterate(revisionUid)) sums.add(parseBucket(each));
    return sums;
  }

  private writeTotals(revisionUid: string, sums: BucketSums): void {
    this.database
      .prepare('INSERT OR REPLACE INTO count_total (revision_uid, body) VALUES (?, ?)')
      .run(revisionUid, sums.toText());
  }

  /** The sum of the minutes of a window. */
  async windowSums(revisionUid: string, window: TimeWindow): Promise<BucketSums> {
    const sums = new BucketSums();
    for await (const page of this.minutes(revisionUid, minutesOf(window))) {
      for (const bucket of page) sums.add(bucket);
    }
    return sums;
  }

  /**
   * Counts of minutes from `from` to before `to`, in the order of their time, page by page: a month of them belongs neither into memory nor into
   * one turn of the loop.
   */
  async *minutes(
    revisionUid: string,
    { from, to }: { readonly from: number; readonly to: number },
  ): AsyncGenerator<readonly Bucket[]> {
    const page = this.database.prepare(
      `SELECT minute, replica, boot, body FROM minute_count
       WHERE revision_uid = ? AND minute < ? AND (minute, replica, boot) > (?, ?, ?)
       ORDER BY minute, replica, boot LIMIT ${pageMinutes}`,
    );
    // Replicas and boots have names: the empty ones lie before all of a minute.
    let after: [minute: number, replica: string, boot: string] = [from, '', ''];
    for (;;) {
      const rows = page.all(revisionUid, to, ...after);
      yield rows.map(parseBucket);
      const last = rows.at(-1);
      if (last === undefined || rows.length < pageMinutes) return;
      after = [Number(last['minute']), String(last['replica']), String(last['boot'])];
      await breathe();
    }
  }

  /** The newest minute that is counted. */
  newestMinute(revisionUid: string): number | undefined {
    const row = this.database
      .prepare('SELECT max(minute) AS minute FROM minute_count WHERE revision_uid = ?')
      .get(revisionUid);
    return minuteOf(row);
  }

  /** The earliest minute of which counts came at this time (milliseconds) or later. */
  earliestSince(revisionUid: string, receivedMs: number): number | undefined {
    const row = this.database
      .prepare('SELECT min(minute) AS minute FROM minute_count WHERE revision_uid = ? AND received_at >= ?')
      .get(revisionUid, receivedMs);
    return minuteOf(row);
  }

  /** First sightings in the order of event time. What several replicas, or one after a restart, told of one value is one sighting. */
  sightings(revisionUid: string): readonly Sighting[] {
    const found = new Map<string, Sighting>();
    const rows = this.database
      .prepare('SELECT replica, body FROM sighting WHERE revision_uid = ?')
      .iterate(revisionUid);
    for (const row of rows) {
      // Written by `keep`, checked before.
      const told = { ...(JSON.parse(String(row['body'])) as SightingLine), replica: String(row['replica']) };
      const key = JSON.stringify([told.kind, told.stream, told.value]);
      const other = found.get(key);
      const [first, later] = other !== undefined && apart(other, told) <= 0 ? [other, told] : [told, other];
      found.set(key, { ...first, count: first.count + (later?.count ?? 0) });
    }
    return [...found.values()].sort(apart);
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

  /** Requests of a revision (by its uid) that the gateway saw answered, in the time of which minutes are kept. */
  answeredByGateway(revision: string): bigint {
    const row = this.database
      .prepare('SELECT coalesce(sum(answered), 0) AS answered FROM gateway_count WHERE revision = ?')
      .get(revision);
    return BigInt(Number(row?.['answered'] ?? 0));
  }

  /** Forgets the oldest beyond the bounds, the gateway's counts of that time with it: else the requests of then would look lost. */
  bound(revisionUid: string): void {
    const { minutes, bytes, sightings } = this.bounds;
    const oldest = this.database
      .prepare(
        `SELECT coalesce(min(received_at) FILTER (WHERE number <= ?2 AND bytes <= ?3), max(received_at)) AS kept,
                count(*) FILTER (WHERE number > ?2 OR bytes > ?3) AS beyond
         FROM (SELECT received_at, row_number() OVER newest AS number, sum(octet_length(body)) OVER newest AS bytes
               FROM minute_count WHERE revision_uid = ?1 WINDOW newest AS (ORDER BY received_at DESC))`,
      )
      .get(revisionUid, minutes, bytes);
    if (Number(oldest?.['beyond'] ?? 0) > 0) this.forgetBefore(revisionUid, Number(oldest?.['kept']));
    this.database
      .prepare(
        `DELETE FROM sighting WHERE revision_uid = ?1 AND received_at < (
           SELECT received_at FROM sighting WHERE revision_uid = ?1
           ORDER BY received_at DESC LIMIT 1 OFFSET ?2)`,
      )
      .run(revisionUid, sightings);
  }

  private forgetBefore(revisionUid: string, time: number): void {
    transaction(this.database, () => {
      const sums = this.totals(revisionUid);
      const gone = this.database
        .prepare('DELETE FROM minute_count WHERE revision_uid = ? AND received_at < ? RETURNING body')
        .all(revisionUid, time);
      for (const row of gone) sums.subtract(parseBucket(row));
      this.writeTotals(revisionUid, sums);
      this.database
        .prepare('DELETE FROM gateway_count WHERE revision = ? AND received_at < ?')
        .run(revisionUid, time);
    });
  }

  /** Everything of a revision that is gone. */
  remove(revisionUid: string): void {
    transaction(this.database, () => {
      for (const table of [
        'minute_count',
        'count_total',
        'replica_cursor',
        'sighting',
        'monitor_decision',
        'monitor_alarm',
      ]) {
        this.database.prepare(`DELETE FROM ${table} WHERE revision_uid = ?`).run(revisionUid);
      }
      this.database.prepare('DELETE FROM gateway_count WHERE revision = ?').run(revisionUid);
    });
  }
}

function minuteOf(row: Row | undefined): number | undefined {
  const minute = row?.['minute'];
  return minute === null || minute === undefined ? undefined : Number(minute);
}

function apart(a: SightingLine, b: SightingLine): number {
  return Date.parse(a.time) - Date.parse(b.time);
}

function parseBucket(row: Row): Bucket {
  // Written by `keep`, checked before.
  return JSON.parse(String(row['body'])) as Bucket;
}
