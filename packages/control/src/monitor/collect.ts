import { Type, type Static } from 'typebox';
import { Check } from 'typebox/value';
import { GalleyError } from '@galley/api/error/galley-error';
import type { Engine } from '@galley/engine/engine';
import { dialRequest, type DialAnswer } from '@galley/engine/socket/dial-request';
import type { BucketReader, BucketsAnswer } from './bucket.ts';

const timeoutMs = 10_000;
/** An answer has at most 200,000 counts (runtime, `_minutes.py`) of some twenty bytes. */
const bytesMax = 16 * 1024 * 1024;
/** Answers asked for in one go: a replica that always has more must not hold the collector. */
const answersMax = 8;

/** How far a replica's counts have been read. */
export interface Cursor {
  readonly boot: string;
  readonly seq: number;
}

/** Where counts are read from. */
export interface Replica {
  readonly engine: Engine;
  readonly workload: string;
  /** SHA-256 in hex of the reference that the revision has; undefined: none. */
  readonly reference: string | undefined;
  readonly reader: BucketReader;
}

const State = Type.Object({
  boot: Type.String({ minLength: 1, maxLength: 64 }),
  reference: Type.Optional(Type.Union([Type.String({ maxLength: 64 }), Type.Null()])),
});

/**
 * Asks a replica for everything after the cursor until it has no more. Its boot is asked first: numbers begin anew with
 * every boot, and asking a new one after an old one's number would acknowledge what was never read. Its reference too: cells
 * have numbers, and those of another table would be added to the wrong ones. Throws `DIAL_REFUSED`, `REPLICA_FAILED`.
 */
export async function* collectBuckets(
  replica: Replica,
  cursor: Cursor | undefined,
  signal: AbortSignal,
): AsyncGenerator<BucketsAnswer> {
  const { engine, workload } = replica;
  const ask = (path: string) => dialRequest(engine, workload, 'admin', { path, timeoutMs, bytesMax, signal });
  const state = readState(await ask('/galley/v1/state'));
  if (state === undefined) throw unusable(workload, 'does not say what it counts');
  const reference = state.reference ?? undefined;
  if (reference !== replica.reference) {
    throw unusable(
      workload,
      reference === undefined
        ? 'did not load its reference: its log says why'
        : 'counts against another reference than its revision has',
    );
  }
  let from = cursor?.boot === state.boot ? cursor.seq : 0;
  for (let asked = 0; asked < answersMax; asked += 1) {
    const reply = await ask(`/galley/v1/buckets?after=${from}`);
    const answer = reply.status === 200 ? replica.reader.read(reply.body) : undefined;
    if (answer === undefined) throw unusable(workload, 'does not tell its counts');
    // It started anew between the two questions: the next round asks from the beginning.
    if (answer.boot !== state.boot) return;
    yield answer;
    if (answer.buckets.length === 0 || answer.seq <= from) return;
    from = answer.seq;
  }
}

function readState(answer: DialAnswer): Static<typeof State> | undefined {
  if (answer.status !== 200) return undefined;
  try {
    const state: unknown = JSON.parse(answer.body.toString('utf8'));
    return Check(State, state) ? state : undefined;
  } catch {
    return undefined;
  }
}

/** Counts that are not used, and why: `problem` ends the sentence "Replica ‹id› …". */
export function unusable(workload: string, problem: string): GalleyError {
  return new GalleyError('REPLICA_FAILED', `Replica ${workload} ${problem}.`, { hint: 'galley logs NAME' });
}
