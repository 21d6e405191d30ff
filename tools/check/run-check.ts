import { spawn } from 'node:child_process';
import { join } from 'node:path';
import type { Check } from './checks.ts';

export interface CheckResult {
  readonly check: Check;
  readonly passed: boolean;
  /** Standard output and error, as they came. */
  readonly output: string;
  readonly seconds: number;
}

/**
 * Runs one check to its end.
 * @param root the repository
 * @throws never for a finding; an operating system error when the program cannot be started is a failed result
 */
export async function runCheck(check: Check, root: string): Promise<CheckResult> {
  const started = performance.now();
  const [name, ...args] = check.command;
  const program = name === 'node' ? process.execPath : join(root, 'node_modules/.bin', name);
  const child = spawn(program, args, { cwd: root, stdio: ['ignore', 'pipe', 'pipe'] });
  let output = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8').on('data', (chunk: string) => {
      output += chunk;
    });
  }
  const code = await new Promise<number | null>((resolve) => {
    child.on('error', (error) => {
      output += `${error.message}\n`;
      resolve(null);
    });
    child.on('close', resolve);
  });
  return { check, passed: code === 0, output, seconds: (performance.now() - started) / 1000 };
}

/** One line for a check, with its output below when it failed. */
export function describeCheck(result: CheckResult): string {
  const head = `${result.passed ? 'ok    ' : 'FAILED'} ${result.check.name} (${result.seconds.toFixed(1)} s)`;
  if (result.passed) return head;
  return `${head}\n${result.output.trimEnd()}\n       alone: ${result.check.fix}`;
}
