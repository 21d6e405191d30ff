import { errorCodes, isErrorCode, type ErrorCode } from './codes.ts';

/** Facts for machines; must survive JSON. */
export type ErrorDetails = Readonly<Record<string, unknown>>;

export interface GalleyErrorOptions {
  /** What to do next, with the command to type. */
  readonly hint?: string;
  readonly details?: ErrorDetails;
  /** The error underneath. The message must not repeat it: the printer walks the chain. */
  readonly cause?: unknown;
}

/** The one error type of Galley (DESIGN.md §8). `message` is a sentence that names the object. */
export class GalleyError extends Error {
  override readonly name = 'GalleyError';
  readonly code: ErrorCode;
  readonly hint: string | undefined;
  readonly details: ErrorDetails;

  constructor(code: ErrorCode, message: string, options: GalleyErrorOptions = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.code = code;
    this.hint = options.hint;
    this.details = options.details ?? {};
  }

  /** Who must act: the user (exit 2), the environment (exit 3) or we (exit 70). */
  get sort(): 'user' | 'environment' | 'bug' {
    return errorCodes[this.code].sort;
  }

  /** The shape in which errors cross HTTP and `-o json`. */
  toJSON(): ErrorBody {
    return {
      code: this.code,
      message: this.message,
      ...(this.hint === undefined ? {} : { hint: this.hint }),
      details: this.details,
      ...(this.cause instanceof Error ? { cause: this.cause.message } : {}),
    };
  }
}

/** An error as JSON. */
export interface ErrorBody {
  readonly code: ErrorCode;
  readonly message: string;
  readonly hint?: string;
  readonly details: ErrorDetails;
  readonly cause?: string;
}

/** An error that came over the wire, as an error again. Unknown codes become `INTERNAL`. */
export function errorFromBody(body: ErrorBody): GalleyError {
  const code = isErrorCode(body.code) ? body.code : 'INTERNAL';
  return new GalleyError(code, body.message, {
    ...(body.hint === undefined ? {} : { hint: body.hint }),
    details: body.details,
    ...(body.cause === undefined ? {} : { cause: new Error(body.cause) }),
  });
}
