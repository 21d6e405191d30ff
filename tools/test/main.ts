import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { runChecks } from './check-suite.ts';
import { runPytest } from './pytest-suite.ts';
import type { SuiteResult } from './suite-result.ts';
import { summarise } from './summary.ts';
import { runVitest } from './vitest-suite.ts';

/** `node tools/test/main.ts [--long] [vitest arguments]`: the checks, Vitest and pytest, and their sums. */
const root = resolve(import.meta.dirname, '../..');
const long = process.argv.includes('--long');
const args = process.argv.slice(2).filter((arg) => arg !== '--long');

const scratch = mkdtempSync(join(tmpdir(), 'galley-test-'));
process.on('exit', () => rmSync(scratch, { recursive: true, force: true }));
const stop = new AbortController();
for (const name of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(name, () => stop.abort(name));

const suites = [
  () => runChecks(root, stop.signal),
  () => runVitest({ root, scratch, long, args, signal: stop.signal }),
  () => runPytest({ root, scratch, long, signal: stop.signal }),
];
const results: SuiteResult[] = [];
for (const suite of suites) if (!stop.signal.aborted) results.push(await suite());
if (stop.signal.aborted) {
  console.log(`stopped by ${String(stop.signal.reason)}; what ran until then says nothing about the rest`);
  process.exitCode = 130;
} else {
  const { lines, exitCode } = summarise(results);
  for (const line of lines) console.log(line);
  process.exitCode = exitCode;
}
