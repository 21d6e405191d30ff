import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { runChecks } from './check-suite.ts';
import { runPytest } from './pytest-suite.ts';
import { summarise } from './summary.ts';
import { runVitest } from './vitest-suite.ts';

/** `node tools/test/main.ts [--long] [vitest arguments]`: the checks, Vitest and pytest, and their sums. */
const root = resolve(import.meta.dirname, '../..');
const long = process.argv.includes('--long');
const args = process.argv.slice(2).filter((arg) => arg !== '--long');

const scratch = mkdtempSync(join(tmpdir(), 'galley-test-'));
process.on('exit', () => rmSync(scratch, { recursive: true, force: true }));
// Ctrl-C reaches the tools by the terminal; they end, and then so do we, with what was counted until then.
process.on('SIGINT', () => {});

const results = [
  await runChecks(root),
  await runVitest(root, scratch, long, args),
  await runPytest(root, scratch, long),
];
const { lines, exitCode } = summarise(results);
for (const line of lines) console.log(line);
process.exitCode = exitCode;
