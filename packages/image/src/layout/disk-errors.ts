import { GalleyError } from '@galley/api/error/galley-error';

/** The code of a system error (`ENOENT`), or undefined. */
export function errnoOf(error: unknown): string | undefined {
  if (!(error instanceof Error) || !('code' in error)) return undefined;
  return typeof error.code === 'string' ? error.code : undefined;
}

/** True when a path does not exist. */
export function isMissing(error: unknown): boolean {
  return errnoOf(error) === 'ENOENT';
}

/** A full disk or quota as `DISK_FULL` with the folder named; everything else as it came. */
export function diskError(error: unknown, folder: string): unknown {
  const code = errnoOf(error);
  if (code !== 'ENOSPC' && code !== 'EDQUOT') return error;
  return new GalleyError('DISK_FULL', `The disk that holds ${folder} is full.`, {
    hint: 'Free some space, or set GALLEY_HOME to a folder on a larger disk. Nothing half-written was kept.',
    details: { folder, errno: code },
    cause: error,
  });
}
