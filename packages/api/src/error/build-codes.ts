import type { ErrorCodeRow } from './code.ts';

/** Errors of the room `build`. Add a code here and a section in docs/errors.md in the same commit. */
export const buildErrorCodes = {} as const satisfies Record<string, ErrorCodeRow>;
