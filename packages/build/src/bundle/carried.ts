import type { Digest } from '@galley/api/digest';
import { GalleyError } from '@galley/api/error/galley-error';
import type { Lock } from '../lock/lock.ts';
import type { SystemBase } from '../plan/bases.ts';
import type { PythonChoice } from '../recipe/python-version.ts';

/** What a bundle brings to a build. Its wheels lie in the wheel cache already, its layers in the store. */
export interface Carried {
  readonly python: Pick<PythonChoice, 'version' | 'from'>;
  readonly base: SystemBase;
  readonly lock: Lock;
  readonly tools: Lock;
  /** What the images were when the bundle was made. */
  readonly expects: { readonly environment: Digest; readonly image: Digest };
}

/** Holds an image against what the bundle promised, if the build is of one. Throws `BUNDLE_NOT_REPRODUCED`. */
export function checkExpected(
  what: keyof Carried['expects'],
  made: Digest,
  carried: Carried | undefined,
): void {
  const expected = carried?.expects[what];
  if (expected === undefined || expected === made) return;
  throw new GalleyError(
    'BUNDLE_NOT_REPRODUCED',
    `The ${what} came out as ${made}, and the bundle promises ${expected}.`,
    {
      hint: 'Build the bundle with the version of Galley that made it; if it is the same, do not trust the bundle.',
      details: { what, expected, made },
    },
  );
}
