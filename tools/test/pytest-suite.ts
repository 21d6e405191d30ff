import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { readJunit } from './junit.ts';
import { runProgram } from './run-program.ts';
import type { SuiteResult } from './suite-result.ts';

/**
 * Every test of the Python runtime. Warnings are errors by its own pyproject.toml.
 * @param options `scratch`: an empty folder that the caller removes
 */
export async function runPytest(options: {
  readonly root: string;
  readonly scratch: string;
  readonly long: boolean;
  readonly signal: AbortSignal;
}): Promise<SuiteResult> {
  const { root, scratch, long, signal } = options;
  const record = join(scratch, 'pytest.xml');
  const code = await runProgram(
    join(root, '.tools/python/bin/python'),
    [
      '-m',
      'pytest',
      '--quiet',
      '--tb=short',
      '-p',
      'no:cacheprovider',
      `--junit-xml=${record}`,
      'runtime/tests',
    ],
    { cwd: root, signal, env: { PYTHONDONTWRITEBYTECODE: '1', ...(long ? { GALLEY_TEST_LONG: '1' } : {}) } },
  );
  if (!existsSync(record)) return crashed(`pytest ended with ${code} before its tests did`);
  const result = readJunit('pytest', readFileSync(record, 'utf8'));
  // 5 is pytest's "no tests collected", which the summary reports in its own words.
  if (code === 0 || code === 5 || result.failed.length > 0) return result;
  return { ...result, failed: [{ test: 'pytest', message: `ended with ${code} although no test failed` }] };
}

function crashed(message: string): SuiteResult {
  return { name: 'pytest', passed: 0, failed: [{ test: 'pytest', message }], skipped: [] };
}
