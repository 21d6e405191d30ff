import type { ErrorCodeRow } from './code.ts';

/** Errors of the room `image`. Add a code here and a section in docs/errors.md in the same commit. */
export const imageErrorCodes = {
  BLOB_MISSING: { sort: 'environment', status: 404 },
  DIGEST_MISMATCH: { sort: 'environment', status: 502 },
  EXPORT_EXISTS: { sort: 'user', status: 409 },
  IMAGE_INVALID: { sort: 'user', status: 422 },
  IMAGE_NOT_FOUND: { sort: 'user', status: 404 },
  WHEEL_INVALID: { sort: 'user', status: 422 },
  REFERENCE_INVALID: { sort: 'user', status: 400 },
  CREDENTIALS_INVALID: { sort: 'user', status: 502 },
  CREDENTIAL_HELPER_FAILED: { sort: 'environment', status: 502 },
  REGISTRY_UNREACHABLE: { sort: 'environment', status: 502 },
  REGISTRY_UNAUTHORIZED: { sort: 'user', status: 502 },
  REGISTRY_DENIED: { sort: 'user', status: 502 },
  REGISTRY_NOT_FOUND: { sort: 'user', status: 404 },
  REGISTRY_BUSY: { sort: 'environment', status: 503 },
  REGISTRY_FAILED: { sort: 'environment', status: 502 },
  REGISTRY_REDIRECT: { sort: 'environment', status: 502 },
  REGISTRY_ANSWER_INVALID: { sort: 'environment', status: 502 },
  SIGNING_KEY_INVALID: { sort: 'user', status: 400 },
  SIGNATURE_MISSING: { sort: 'user', status: 403 },
  DISK_FULL: { sort: 'environment', status: 507 },
} as const satisfies Record<string, ErrorCodeRow>;
