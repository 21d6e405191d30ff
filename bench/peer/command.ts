import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, openSync, closeSync } from 'node:fs';
import { join } from 'node:path';

/** How a program is run. */
export interface CommandOptions {
  readonly signal: AbortSignal;
  readonly cwd?: string;
  readonly env?: Readonly<Record<string, string>>;
  /** A file that becomes its standard input, or its standard output. */
  readonly input?: string;
  readonly output?: string;
}

/** Milliseconds until a program has ended. Throws with the end of what it printed when it failed. */
export async function timed(command: readonly string[], options: CommandOptions): Promise<number> {
  const [program = '', ...args] = command;
  const input = options.input === undefined ? undefined : openSync(options.input, 'r');
  const output = options.output === undefined ? undefined : openSync(options.output, 'w');
  const printed: Buffer[] = [];
  try {
    const start = performance.now();
    const child = spawn(program, args, {
      stdio: [input ?? 'ignore', output ?? 'pipe', 'pipe'],
      signal: options.signal,
      env: { ...process.env, ...options.env },
      ...(options.cwd === undefined ? {} : { cwd: options.cwd }),
    });
    child.stdout?.on('data', (chunk: Buffer) => printed.push(chunk));
    child.stderr?.on('data', (chunk: Buffer) => printed.push(chunk));
    const [code] = await once(child, 'close');
    if (code === 0) return performance.now() - start;
    const end = Buffer.concat(printed).toString('utf8').slice(-2000);
    throw new Error(`${program} ${args.join(' ').slice(0, 200)} ended with ${code}:\n${end}`);
  } finally {
    for (const file of [input, output]) if (file !== undefined) closeSync(file);
  }
}

/** A tool that the bootstrap installed, else the machine's own. */
export function tool(name: string, fallback: string): string {
  const installed = join(import.meta.dirname, '..', '..', '.tools', 'bin', name);
  return existsSync(installed) ? installed : fallback;
}

/** Whether a program is on this machine. */
export function has(program: string): boolean {
  return spawnSync(program, ['--version'], { stdio: 'ignore' }).error === undefined;
}
