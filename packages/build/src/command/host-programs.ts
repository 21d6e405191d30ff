import { access, constants } from 'node:fs/promises';
import { delimiter, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { GalleyError } from '@galley/api/error/galley-error';

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

/** A Python of the host: to parse cells with, and for uv to look at. Without one uv searches for seconds (builders.md, last section). */
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
