import { basename } from 'node:path';
import { GalleyError } from '@galley/api/error/galley-error';

/** A wheel by where it lies and what it must hash to. */
export interface WheelFile {
  readonly path: string;
  /** 64 lower-case hexadecimal digits, as lock files write it. */
  readonly sha256: string;
}

/** `WHEEL_INVALID`: the sentence is "The wheel NAME ‹problem›.". */
export function wheelFault(
  wheel: string,
  problem: string,
  details: Readonly<Record<string, unknown>> = {},
  cause?: unknown,
): GalleyError {
  const name = basename(wheel);
  return new GalleyError('WHEEL_INVALID', `The wheel ${name} ${problem}.`, {
    hint: 'Pin another version of the package, or report the file to its index.',
    details: { wheel: name, ...details },
    ...(cause === undefined ? {} : { cause }),
  });
}
