import type { GalleyError } from '@galley/api/error/galley-error';

/**
 * Whether it is the user's to mend that a replica could not be tried: a secret is missing, a limit is none. Everything else is the machine's
 * and may be over a moment later.
 */
export function isRefusal(error: GalleyError): boolean {
  return error.sort === 'user' || error.code === 'WORKLOAD_INVALID';
}
