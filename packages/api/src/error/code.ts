/** One row of an error table. `docs/errors.md` is held to these tables both ways by a test. */
export interface ErrorCodeRow {
  /** Who must act: decides the exit code, and whether a stack trace is of any use. */
  readonly sort: 'user' | 'environment' | 'bug';
  /** HTTP status when it crosses the API. */
  readonly status: number;
}
