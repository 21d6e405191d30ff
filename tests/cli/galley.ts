import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';

export interface Session {
  readonly exitCode: number;
  readonly stdout: string;
  readonly stderr: string;
}

const bin = fileURLToPath(new URL('../../bin/galley', import.meta.url));

/** Types a command as a user would, in a home of its own; never throws for an exit code. */
export function galley(
  args: readonly string[],
  options: {
    readonly home: string;
    readonly cwd?: string;
    readonly input?: string;
    /** Over the test's own environment. */
    readonly env?: Readonly<Record<string, string>>;
  },
): Promise<Session> {
  return new Promise((resolve) => {
    const child = execFile(
      bin,
      args,
      {
        cwd: options.cwd,
        env: {
          ...process.env,
          GALLEY_HOME: options.home,
          GALLEY_API_PORT: '0',
          GALLEY_GATEWAY_PORT: '0',
          NO_COLOR: '1',
          ...options.env,
        },
        maxBuffer: 64 << 20,
      },
      (error, stdout, stderr) => {
        resolve({
          exitCode: typeof error?.code === 'number' ? error.code : error === null ? 0 : 1,
          stdout,
          stderr,
        });
      },
    );
    child.stdin?.end(options.input ?? '');
  });
}
