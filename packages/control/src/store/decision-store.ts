import type { DatabaseSync, SQLOutputValue } from 'node:sqlite';
import type { Decision } from '@galley/api/kind/decision';
import type { Verdict } from '@galley/api/kind/verdict';
import { BucketSums } from '../monitor/stream-sums.ts';
import { transaction } from './database.ts';

/** Where a judging begins. */
export interface Basis {
  /** The last decision; undefined: the judging began with the revision. */
  readonly decision: Decision | undefined;
  /** The counts that were accepted as the reference, by the last `accept`; undefined: the reference is the image's. */
  readonly accepted: { readonly sums: BucketSums; readonly decision: Decision } | undefined;
}

/** An alarm as it was when it was due. */
export type Alarm = Pick<Verdict, 'state' | 'alarmAt' | 'moved'>;

/** What people decided about the verdicts of a revision, by its uid, and the alarm that stands. */
export class DecisionStore {
  private readonly database: DatabaseSync;

  constructor(database: DatabaseSync) {
    this.database = database;
  }

  /** Adds a decision; the alarm that stood is answered by it. */
  add(revisionUid: string, decision: Decision, accepted: BucketSums | undefined): void {
    transaction(this.database, () => {
      this.database
        .prepare('INSERT INTO monitor_decision (revision_uid, body, accepted) VALUES (?, ?, ?)')
        .run(revisionUid, JSON.stringify(decision), accepted?.toText() ?? null);
      this.database.prepare('DELETE FROM monitor_alarm WHERE revision_uid = ?').run(revisionUid);
    });
  }

  basis(revisionUid: string): Basis {
    const last = this.database
      .prepare('SELECT body FROM monitor_decision WHERE revision_uid = ? ORDER BY seq DESC LIMIT 1')
      .get(revisionUid);
    const accepted = this.database
      .prepare(
        `SELECT body, accepted FROM monitor_decision WHERE revision_uid = ? AND accepted IS NOT NULL
         ORDER BY seq DESC LIMIT 1`,
      )
      .get(revisionUid);
    return {
      decision: last === undefined ? undefined : decisionOf(last),
      accepted:
        accepted === undefined
          ? undefined
          : { sums: BucketSums.fromText(String(accepted['accepted'])), decision: decisionOf(accepted) },
    };
  }

  /** Keeps an alarm beyond the counts that it follows from: those are forgotten after some weeks. */
  keepAlarm(revisionUid: string, alarm: Alarm): void {
    this.database
      .prepare('INSERT OR REPLACE INTO monitor_alarm (revision_uid, body) VALUES (?, ?)')
      .run(revisionUid, JSON.stringify(alarm));
  }

  alarm(revisionUid: string): Alarm | undefined {
    const row = this.database
      .prepare('SELECT body FROM monitor_alarm WHERE revision_uid = ?')
      .get(revisionUid);
    // Written by `keepAlarm`.
    return row === undefined ? undefined : (JSON.parse(String(row['body'])) as Alarm);
  }
}

function decisionOf(row: Record<string, SQLOutputValue>): Decision {
  // Written by `add`.
  return JSON.parse(String(row['body'])) as Decision;
}
