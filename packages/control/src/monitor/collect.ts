import { Type } from 'typebox';
import { Check } from 'typebox/value';
import { GalleyError } from '@galley/api/error/galley-error';
import type { Engine } from '@galley/engine/engine';
import { dialRequest, type DialAnswer } from '../replica/dial-request.ts';
import { readBuckets, type BucketsAnswer } from './bucket.ts';

const timeoutMs = 10_000;
/** An answer carries at most 100,000 streams; a minute of 50 streams has about 4 KB. */
const bytesMax = 32 * 1024 * 1024;
/** Answers asked for in one go: a replica that always has more must not hold the collector. */
const answersMax = 20;

/** How far a replica's counts have been read. */
export interface Cursor {
  readonly boot: string;
  readonly seq: number;
}

const State = Type.Object({ boot: Type.String({ minLength: 1, maxLength: 64 }) });

/**
 * Asks a replica for everything after the cursor until it has no more. Its boot is asked first: numbers begin anew with
 * every boot, and asking a new one after an old one's number would acknowledge what was never read. Throws
 * `DIAL_REFUSED`, `REPLICA_FAILED`.
 */
export async function* collectBuckets(
  engine: Engine,
  workload: string,
  cursor: Cursor | undefined,
  signal: AbortSignal,
): AsyncGenerator<BucketsAnswer> {
  const ask = (path: string) => dialRequest(engine, workload, 'admin', { path, timeoutMs, bytesMax, signal });
  const state = await ask('/galley/v1/state');
  const boot = state.status === 200 ? readBoot(state.body) : undefined;
  if (boot === undefined) throw unreadable(workload, state);
  let from = cursor?.boot === boot ? cursor.seq : 0;
  for (let asked = 0; asked < answersMax; asked += 1) {
    const reply = await ask(`/galley/v1/buckets?after=${from}`);
    const answer = reply.status === 200 ? readBuckets(reply.body) : undefined;
    if (answer === undefined) throw unreadable(workload, reply);
    // It started anew between the two questions: the next round asks from the beginning.
    if (answer.boot !== boot) return;
    yield answer;
    if (answer.buckets.length === 0 || answer.seq <= from) return;
    from = answer.seq;
  }
}

function readBoot(body: Buffer): string | undefined {
  try {
    const state: unknown = JSON.parse(body.toString('utf8'));
    return Check(State, state) ? state.boot : undefined;
  } catch {
    return undefined;
  }
}

function unreadable(workload: string, answer: DialAnswer): GalleyError {
  return new GalleyError('REPLICA_FAILED', `Replica ${workload} does not tell its counts.`, {
    hint: 'galley logs NAME',
    details: { status: answer.status, bytes: answer.body.length },
  });
}
