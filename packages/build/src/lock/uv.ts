import { hostEnvironment } from '../command/host-environment.ts';
import { runCommand, type CommandResult } from '../command/run-command.ts';

/** uv's own settings and what it needs to find credentials: handed on, since uv is ours to trust and a package is never run by it. */
const passed = /^(?:UV_|HOME$|XDG_|NETRC$)/;

export interface UvOptions {
  readonly cwd: string;
  /** Shared by all builds. */
  readonly cacheDir: string;
  /** Addresses of indexes may hold credentials: environment, not argv. */
  readonly env: Readonly<Record<string, string>>;
  readonly signal?: AbortSignal | undefined;
}

/** Runs uv. It gets our network settings, its own variables and nothing else. */
export async function runUv(uv: string, args: readonly string[], options: UvOptions): Promise<CommandResult> {
  const own = Object.fromEntries(
    Object.entries(process.env).flatMap(([name, value]) =>
      passed.test(name) && value !== undefined ? [[name, value]] : [],
    ),
  );
  return runCommand([uv, ...args], {
    cwd: options.cwd,
    env: hostEnvironment({
      ...own,
      UV_CACHE_DIR: options.cacheDir,
      UV_NO_PROGRESS: '1',
      NO_COLOR: '1',
      ...options.env,
    }),
    signal: options.signal,
  });
}
