import { access, constants } from 'node:fs/promises';
import { delimiter, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { GalleyError } from '@galley/api/error/galley-error';
import { hostEnvironment } from '../command/host-environment.ts';
import { runCommand, type CommandResult } from '../command/run-command.ts';

/** uv's own settings and what it needs to find credentials: handed on, since uv is ours to trust and a package is never run by it. */
const passed = /^(?:UV_|HOME$|XDG_|NETRC$)/;

/** Where the bootstrap puts uv. */
const bundled = fileURLToPath(new URL('../../../../.tools/bin/uv', import.meta.url));

/** The uv of this machine: `GALLEY_UV`, the bootstrap's, or one on the PATH. Throws `HOST_PROGRAM_MISSING`. */
export async function findUv(env: NodeJS.ProcessEnv = process.env): Promise<string> {
  const chosen = env['GALLEY_UV'] ?? '';
  const found = await firstExecutable(chosen === '' ? [bundled, ...onPath('uv', env)] : [chosen]);
  if (found !== undefined) return found;
  throw new GalleyError('HOST_PROGRAM_MISSING', 'uv is not installed on this machine.', {
    hint: 'Run npm start, which installs it, or set GALLEY_UV to where it is.',
  });
}

/** A Python for uv to look at; it is not the one of the image. Without any, uv searches for seconds (builders.md, last section). */
export async function findPython(env: NodeJS.ProcessEnv = process.env): Promise<string | undefined> {
  return firstExecutable(['/usr/bin/python3', ...onPath('python3', env)]);
}

function onPath(program: string, env: NodeJS.ProcessEnv): readonly string[] {
  return (env['PATH'] ?? '').split(delimiter).map((folder) => join(folder, program));
}

async function firstExecutable(candidates: readonly string[]): Promise<string | undefined> {
  for (const candidate of candidates) {
    const usable = await access(candidate, constants.X_OK).then(
      () => true,
      () => false,
    );
    if (usable) return candidate;
  }
  return undefined;
}

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
