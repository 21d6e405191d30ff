import type { ErrorCodeRow } from './code.ts';

/** Errors of the room `engine`. Add a code here and a section in docs/errors.md in the same commit. */
export const engineErrorCodes = {
  NO_ISOLATION: { sort: 'environment', status: 503 },
  WORKLOAD_INVALID: { sort: 'bug', status: 422 },
  WORKLOAD_CONFLICT: { sort: 'bug', status: 409 },
  WORKLOAD_NOT_FOUND: { sort: 'environment', status: 404 },
  DIAL_REFUSED: { sort: 'environment', status: 502 },
  OUTPUT_REFUSED: { sort: 'user', status: 422 },
  FOLDER_REFUSED: { sort: 'environment', status: 422 },
  EGRESS_DENIED: { sort: 'user', status: 403 },
  ENGINE_FAILED: { sort: 'environment', status: 502 },
} as const satisfies Record<string, ErrorCodeRow>;
