import type { SuiteResult } from './suite-result.ts';

/** What all suites came to, as it is printed. */
export interface Summary {
  readonly lines: readonly string[];
  readonly exitCode: 0 | 1;
}

/**
 * Adds up the suites. The last line is `N passed, N failed, N skipped` and nothing else: continuous integration reads it.
 * A suite that ran no test counts as a failure, since a green run that tested nothing would be a lie.
 */
export function summarise(results: readonly SuiteResult[]): Summary {
  const empty = results.filter((result) => result.passed + result.failed.length === 0);
  const failures = [
    ...results.flatMap((result) => result.failed),
    ...empty.map((result) => ({ test: result.name, message: 'this suite ran no test' })),
  ];
  const skips = results.flatMap((result) => result.skipped);
  const passed = results.reduce((sum, result) => sum + result.passed, 0);
  return {
    lines: [
      '',
      ...results.map(
        (result) => `${result.name}: ${counts(result.passed, result.failed.length, result.skipped.length)}`,
      ),
      ...skips.map((skip) => `skipped: ${skip.test}: ${skip.reason}`),
      ...failures.map((failure) => `failed: ${failure.test}: ${firstLine(failure.message)}`),
      counts(passed, failures.length, skips.length),
    ],
    exitCode: failures.length === 0 && results.length > 0 ? 0 : 1,
  };
}

function counts(passed: number, failed: number, skipped: number): string {
  return `${passed} passed, ${failed} failed, ${skipped} skipped`;
}

function firstLine(message: string): string {
  return message.trim().split('\n')[0] ?? '';
}
