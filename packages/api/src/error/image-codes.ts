import type { ErrorCodeRow } from './code.ts';

/** Errors of the room `image`. Add a code here and a section in docs/errors.md in the same commit. */
export const imageErrorCodes = {
  BLOB_MISSING: { sort: 'environment', status: 404 },
  DIGEST_MISMATCH: { sort: 'environment', status: 502 },
  EXPORT_EXISTS: { sort: 'user', status: 409 },
  IMAGE_INVALID: { sort: 'user', status: 422 },
  IMAGE_NOT_FOUND: { sort: 'user', status: 404 },
  WHEEL_INVALID: { sort: 'user', status: 422 },
  DISK_FULL: { sort: 'environment', status: 507 },
} as const satisfies Record<string, ErrorCodeRow>;
