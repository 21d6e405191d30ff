import { checks } from '../check/checks.ts';
import { describeCheck, runCheck } from '../check/run-check.ts';
import type { Failure, SuiteResult } from './suite-result.ts';

/** Types, lint and format, each as one test. Tidy is left to Vitest, where each of its rules is a test. */
export async function runChecks(root: string, signal: AbortSignal): Promise<SuiteResult> {
  const failed: Failure[] = [];
  let passed = 0;
  for (const check of checks.filter(({ name }) => name !== 'tidy')) {
    if (signal.aborted) break;
    const result = await runCheck(check, root);
    console.log(describeCheck(result));
    if (result.passed) passed += 1;
    else failed.push({ test: check.name, message: `run ${check.fix}` });
  }
  return { name: 'check', passed, failed, skipped: [] };
}
