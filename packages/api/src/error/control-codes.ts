import type { ErrorCodeRow } from './code.ts';

/** Errors of the room `control`. Add a code here and a section in docs/errors.md in the same commit. */
export const controlErrorCodes = {
  INTERNAL: { sort: 'bug', status: 500 },
} as const satisfies Record<string, ErrorCodeRow>;
