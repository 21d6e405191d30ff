import type { Digest } from '@galley/api/digest';
import { stepKey } from '../cache/record-cache.ts';

/** Everything that decides what a notebook computes. Not the image, not our own version: a patched base must not retrain (DESIGN.md §4). */
export interface TrainingInputs {
  /** Counts only where there are secrets. */
  readonly project: string;
  readonly source: Digest;
  readonly lock: Digest;
  /** `3.11`. */
  readonly python: string;
  /** In the order in which they run. */
  readonly notebooks: readonly string[];
  /** What sets up the environment besides the lock, as texts: Debian packages, variables, scripts. */
  readonly setUp: readonly string[];
  /** Names only: a rotated secret is no new training. */
  readonly secretPaths: readonly string[];
}

/** Rows of the sample and the seed of its choice; fixed, and part of the key so that changing them here retrains. */
export const sampling = { rows: 10_000, seed: 0 };

/** What the key of a training is made of, and that of a part of it too, with other notebooks and files. */
export function trainingParts(inputs: TrainingInputs): Readonly<Record<string, unknown>> {
  return {
    source: inputs.source,
    lock: inputs.lock,
    python: inputs.python,
    notebooks: inputs.notebooks,
    ...(inputs.setUp.length === 0 ? {} : { setUp: inputs.setUp }),
    secrets: [...inputs.secretPaths].sort(),
    // Values of secrets are in no key: what was made with a project's own is nobody else's, whatever they name theirs.
    ...(inputs.secretPaths.length === 0 ? {} : { project: inputs.project }),
    sampling,
  };
}

export function trainingKey(inputs: TrainingInputs): string {
  return stepKey(trainingParts(inputs));
}
