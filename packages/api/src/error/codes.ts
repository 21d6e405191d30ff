import { buildErrorCodes } from './build-codes.ts';
import { cliErrorCodes } from './cli-codes.ts';
import { controlErrorCodes } from './control-codes.ts';
import { engineErrorCodes } from './engine-codes.ts';
import { imageErrorCodes } from './image-codes.ts';

/** Every code an error of Galley can have: one table per room, joined here. */
export const errorCodes = {
  ...imageErrorCodes,
  ...engineErrorCodes,
  ...buildErrorCodes,
  ...controlErrorCodes,
  ...cliErrorCodes,
};

export type ErrorCode = keyof typeof errorCodes;

/** Whether a text that came from elsewhere is one of them. */
export function isErrorCode(text: string): text is ErrorCode {
  return Object.hasOwn(errorCodes, text);
}
