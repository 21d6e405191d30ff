import type { ErrorCodeRow } from './code.ts';

/** Errors of the room `cli`. Add a code here and a section in docs/errors.md in the same commit. */
export const cliErrorCodes = {
  USAGE: { sort: 'user', status: 400 },
} as const satisfies Record<string, ErrorCodeRow>;
