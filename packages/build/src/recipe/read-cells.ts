import { fileURLToPath } from 'node:url';
import { GalleyError } from '@galley/api/error/galley-error';
import { hostEnvironment } from '../command/host-environment.ts';
import { runCommand } from '../command/run-command.ts';
import { findPython } from '../command/host-programs.ts';

/** What one Python source says, read by the host's own parser and never run. */
export interface ReadSource {
  /** First parts of imported names. */
  readonly imports: readonly string[];
  /** Arguments of `%pip install` lines. */
  readonly installs: readonly string[];
  /** Names that it binds at its top. */
  readonly binds?: readonly string[];
  /** A top-level `requirements = …`. */
  readonly bound?: boolean;
  /** Its literal value. */
  readonly requirements?: unknown;
  /** Why it is no literal. */
  readonly requirementsError?: string;
  /** Why it could not be parsed: perhaps only newer syntax than the host's Python knows. */
  readonly error?: string;
}

export interface ReadSources {
  readonly sources: readonly ReadSource[];
  readonly standardLibrary: ReadonlySet<string>;
}

const script = fileURLToPath(new URL('./read_cells.py', import.meta.url));

/** Parses Python sources in a separate process with bounded time and memory. Throws `HOST_PROGRAM_MISSING`, `NOTEBOOK_INVALID`. */
export async function readPythonSources(
  sources: readonly string[],
  signal?: AbortSignal,
): Promise<ReadSources> {
  const result = await runCommand([(await findPython()) ?? 'python3', '-I', script], {
    env: hostEnvironment(),
    input: JSON.stringify(sources),
    signal,
    timeoutMs: 30_000,
  }).catch((cause: unknown) => {
    if (!(cause instanceof Error && 'code' in cause && cause.code === 'ENOENT')) throw cause;
    throw new GalleyError('HOST_PROGRAM_MISSING', 'python3 is not installed on this machine.', {
      hint: 'Install it: apt-get install python3',
      cause,
    });
  });
  if (result.exitCode !== 0) {
    throw new GalleyError('NOTEBOOK_INVALID', 'The cells of the notebook cannot be parsed.', {
      hint: 'Look for a cell that is extremely long or deeply nested.',
      cause: new Error(result.stderr.slice(-2000)),
    });
  }
  // Written by our own script a moment ago.
  const value = JSON.parse(result.stdout.toString('utf8')) as {
    sources: readonly ReadSource[];
    standardLibrary: readonly string[];
  };
  return { sources: value.sources, standardLibrary: new Set(value.standardLibrary) };
}
