import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { runProgram } from './run-program.ts';
import type { SuiteResult } from './suite-result.ts';

/**
 * Every Vitest test, with Vitest's own output and our record of it.
 * @param options `scratch`: an empty folder that the caller removes; `args`: handed on to Vitest, such as a path to run less
 */
export async function runVitest(options: {
  readonly root: string;
  readonly scratch: string;
  readonly long: boolean;
  readonly args: readonly string[];
  readonly signal: AbortSignal;
}): Promise<SuiteResult> {
  const { root, scratch, long, args, signal } = options;
  const record = join(scratch, 'vitest.json');
  const reporters = ['--reporter=default', `--reporter=${join(root, 'tools/test/vitest-reporter.ts')}`];
  const code = await runProgram(
    process.execPath,
    [join(root, 'node_modules/vitest/vitest.mjs'), 'run', ...reporters, ...args],
    { cwd: root, signal, env: { GALLEY_TEST_RECORD: record, ...(long ? { GALLEY_TEST_LONG: '1' } : {}) } },
  );
  if (!existsSync(record)) return crashed(`Vitest ended with ${code} before its tests did`);
  // Our own reporter wrote it a moment ago, in this shape.
  const result = JSON.parse(readFileSync(record, 'utf8')) as SuiteResult;
  if (code === 0 || result.failed.length > 0) return result;
  return { ...result, failed: [{ test: 'vitest', message: `ended with ${code} although no test failed` }] };
}

function crashed(message: string): SuiteResult {
  return { name: 'vitest', passed: 0, failed: [{ test: 'vitest', message }], skipped: [] };
}
