import type { Emit } from '@galley/api/event';
import type { PhaseRecord } from '../build.ts';

/** What a phase was and why: `skipped` when its key was known. */
export interface PhaseEnd {
  readonly state: 'done' | 'skipped';
  readonly reason: string;
}

/** Runs phases one after the other (or side by side), times them, tells them and keeps the records of a build. */
export class PhaseLog {
  readonly records: PhaseRecord[] = [];
  readonly #emit: Emit;
  readonly #object: string;

  constructor(emit: Emit, object: string) {
    this.#emit = emit;
    this.#object = object;
  }

  /** `work` calls `end` to say how it went; without it the phase was simply done. */
  async run<Result>(phase: string, work: (end: (how: PhaseEnd) => void) => Promise<Result>): Promise<Result> {
    const started = performance.now();
    const object = this.#object;
    let how: PhaseEnd = { state: 'done', reason: '' };
    this.#emit({ object, phase, step: phase, state: 'started' });
    const finish = (state: PhaseRecord['state'], reason: string): void => {
      const elapsedMs = Math.round((performance.now() - started) * 10) / 10;
      this.records.push({ phase, state, reason, elapsedMs });
      this.#emit({ object, phase, step: phase, state, ...(reason === '' ? {} : { reason }), elapsedMs });
    };
    try {
      const result = await work((end) => {
        how = end;
      });
      finish(how.state, how.reason);
      return result;
    } catch (error) {
      finish('failed', error instanceof Error ? error.message : String(error));
      throw error;
    }
  }
}
