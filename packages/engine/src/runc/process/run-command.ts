import { execFile } from 'node:child_process';
import { GalleyError } from '@galley/api/error/galley-error';

/** What a helper program left behind. */
export interface CommandResult {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** The environment of every program we start: our own may hold secrets, and theirs can be read in /proc. */
export const plainEnvironment: Readonly<Record<string, string>> = {
  PATH: '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin',
  LC_ALL: 'C',
  TZ: 'UTC',
};

export interface CommandOptions {
  readonly cwd?: string;
  readonly signal?: AbortSignal | undefined;
  /** Default 60 s: `runc` hangs when its init dies early (engine.md §6). */
  readonly timeoutMs?: number;
}

/** Runs a program to its end, with at most 4 MiB of output. Never for `runc create`, which keeps pipes open. */
export function runCommand(
  file: string,
  args: readonly string[],
  options: CommandOptions = {},
): Promise<CommandResult> {
  return new Promise((resolve, reject) => {
    const child = execFile(
      file,
      args,
      {
        env: plainEnvironment,
        maxBuffer: 4 * 1024 * 1024,
        timeout: options.timeoutMs ?? 60_000,
        ...(options.cwd === undefined ? {} : { cwd: options.cwd }),
        ...(options.signal === undefined ? {} : { signal: options.signal }),
      },
      (error, stdout, stderr) => {
        if (error && typeof error.code !== 'number') {
          const what = options.signal?.aborted ? 'was interrupted' : 'did not run';
          reject(new GalleyError('ENGINE_FAILED', `The program ${file} ${what}.`, { cause: error }));
          return;
        }
        resolve({ code: child.exitCode ?? 1, stdout, stderr });
      },
    );
  });
}

/** The same, but a failure is an error that carries the last line the program wrote. */
export async function mustRun(
  file: string,
  args: readonly string[],
  options: CommandOptions = {},
): Promise<string> {
  const result = await runCommand(file, args, options);
  if (result.code !== 0) {
    const said = result.stderr.trim().split('\n').at(-1) ?? '';
    throw new GalleyError(
      'ENGINE_FAILED',
      `The program ${file} ${args[0] ?? ''} failed: ${said.slice(0, 2000)}`,
      {
        details: { code: result.code },
      },
    );
  }
  return result.stdout;
}
