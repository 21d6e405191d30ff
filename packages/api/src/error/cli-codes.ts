import type { ErrorCodeRow } from './code.ts';

/** Errors of the room `cli`. Add a code here and a section in docs/errors.md in the same commit. */
export const cliErrorCodes = {
  USAGE: { sort: 'user', status: 400 },
  INVALID_NAME: { sort: 'user', status: 422 },
  SERVER_NOT_RUNNING: { sort: 'user', status: 503 },
  SERVER_START_FAILED: { sort: 'environment', status: 503 },
  SERVER_STUCK: { sort: 'environment', status: 504 },
  ROLLOUT_FAILED: { sort: 'user', status: 502 },
  SERVICE_UNREACHABLE: { sort: 'environment', status: 502 },
  PREDICTION_FAILED: { sort: 'user', status: 500 },
  PREDICTION_REFUSED: { sort: 'user', status: 422 },
} as const satisfies Record<string, ErrorCodeRow>;
