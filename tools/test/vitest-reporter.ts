import { writeFileSync } from 'node:fs';
import type { Reporter, TestCase, TestModule } from 'vitest/node';
import { statedReason } from './stated-reason.ts';
import type { Failure, Skip, SuiteResult } from './suite-result.ts';

/**
 * Writes a `SuiteResult` to the file that GALLEY_TEST_RECORD names. Vitest's JSON reporter was rejected: it drops the
 * reasons of skips, and counts a file that cannot be loaded as no test at all.
 */
export default class RecordReporter implements Reporter {
  onTestRunEnd(modules: readonly TestModule[], unhandled: readonly { readonly message: string }[]): void {
    const record = process.env['GALLEY_TEST_RECORD'];
    if (record === undefined) return;
    writeFileSync(record, JSON.stringify(recorded(modules, unhandled)));
  }
}

function recorded(
  modules: readonly TestModule[],
  unhandled: readonly { readonly message: string }[],
): SuiteResult {
  const failed: Failure[] = unhandled.map(({ message }) => ({ test: 'outside any test', message }));
  const skipped: Skip[] = [];
  let passed = 0;
  for (const module of modules) {
    for (const error of module.errors())
      failed.push({ test: module.relativeModuleId, message: error.message });
    for (const suite of module.children.allSuites()) {
      for (const error of suite.errors())
        failed.push({ test: nameOf(module, suite), message: error.message });
    }
    for (const test of module.children.allTests()) {
      const result = test.result();
      if (result.state === 'passed') passed += 1;
      else if (result.state === 'failed') {
        failed.push({ test: nameOf(module, test), message: result.errors[0]?.message ?? '' });
      } else skipped.push({ test: nameOf(module, test), reason: reasonOf(test) });
    }
  }
  return { name: 'vitest', passed, failed, skipped };
}

function nameOf(module: TestModule, item: { readonly fullName: string }): string {
  return `${module.relativeModuleId} > ${item.fullName}`;
}

function reasonOf(test: TestCase): string {
  const result = test.result();
  const note = result.state === 'skipped' ? result.note : undefined;
  return (
    note ??
    statedReason(test.fullName) ??
    (test.options.mode === 'todo' ? 'not written yet' : 'marked to be skipped, without a reason')
  );
}
