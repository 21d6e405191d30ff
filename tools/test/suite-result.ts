/** What one suite of tests came to. */
export interface SuiteResult {
  readonly name: string;
  readonly passed: number;
  readonly failed: readonly Failure[];
  readonly skipped: readonly Skip[];
}

export interface Failure {
  /** File and the test's full name. */
  readonly test: string;
  /** The first lines of what went wrong; the tool's own output above has it all. */
  readonly message: string;
}

export interface Skip {
  readonly test: string;
  /** Why, in the words of the test. */
  readonly reason: string;
}
