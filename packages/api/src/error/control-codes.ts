import type { ErrorCodeRow } from './code.ts';

/** Errors of the room `control`. Add a code here and a section in docs/errors.md in the same commit. */
export const controlErrorCodes = {
  INTERNAL: { sort: 'bug', status: 500 },
  OBJECT_NOT_FOUND: { sort: 'user', status: 404 },
  ALREADY_EXISTS: { sort: 'user', status: 409 },
  CONFLICT: { sort: 'environment', status: 409 },
  GONE: { sort: 'environment', status: 410 },
  OBJECT_INVALID: { sort: 'user', status: 422 },
  NOT_WRITABLE: { sort: 'user', status: 405 },
  ENDPOINT_NOT_FOUND: { sort: 'user', status: 404 },
  UNAUTHORIZED: { sort: 'user', status: 401 },
  HOST_REFUSED: { sort: 'user', status: 421 },
  UPLOAD_TOO_LARGE: { sort: 'user', status: 413 },
  RECORD_NOT_FOUND: { sort: 'user', status: 404 },
  SECRET_NOT_FOUND: { sort: 'user', status: 404 },
  SECRET_UNREADABLE: { sort: 'environment', status: 500 },
  BUILD_CANCELLED: { sort: 'user', status: 409 },
  LAB_IN_USE: { sort: 'environment', status: 409 },
  LAB_FAILED: { sort: 'environment', status: 502 },
  NO_REPLICA: { sort: 'environment', status: 503 },
  REPLICA_FAILED: { sort: 'environment', status: 502 },
  GATEWAY_FAILED: { sort: 'environment', status: 502 },
  HOME_IN_USE: { sort: 'user', status: 409 },
  HOME_INVALID: { sort: 'environment', status: 500 },
  PORT_IN_USE: { sort: 'user', status: 409 },
  REQUEST_FAILED: { sort: 'environment', status: 502 },
} as const satisfies Record<string, ErrorCodeRow>;
