import { GalleyError } from '@galley/api/error/galley-error';
import { runCommand } from './run-command.ts';

/** runc, with a state directory of the engine's own. Every call is repeated safely. */
export interface Runc {
  /** Absolute path of the program: conmon wants one. */
  readonly path: string;
  start(id: string): Promise<void>;
  /** `created`, `running`, `stopped`; undefined: runc does not know it. */
  state(id: string): Promise<string | undefined>;
  /** Kills what is left of it and forgets it. */
  delete(id: string): Promise<void>;
  list(): Promise<readonly string[]>;
}

/** runc at `path` with its state under `stateDirectory`. */
export function openRunc(path: string, stateDirectory: string): Runc {
  const run = (...args: string[]) => runCommand(path, ['--root', stateDirectory, ...args]);
  return {
    path,
    async start(id) {
      const result = await run('start', id);
      if (result.code !== 0) {
        throw new GalleyError(
          'ENGINE_FAILED',
          `The workload ${id} did not start: ${lastWords(result.stderr)}`,
        );
      }
    },
    async state(id) {
      const result = await run('state', id);
      if (result.code !== 0) return undefined;
      // runc's own output, of a container that we made.
      return (JSON.parse(result.stdout) as { status: string }).status;
    },
    async delete(id) {
      const result = await run('delete', '--force', id);
      if (result.code !== 0 && !result.stderr.includes('does not exist')) {
        throw new GalleyError(
          'ENGINE_FAILED',
          `The workload ${id} was not deleted: ${lastWords(result.stderr)}`,
        );
      }
    },
    async list() {
      const result = await run('list', '--quiet');
      return result.stdout.split('\n').filter((line) => line !== '');
    },
  };
}

function lastWords(stderr: string): string {
  const line = stderr.trim().split('\n').at(-1) ?? '';
  return (/msg="(.*)"\s*$/.exec(line)?.[1] ?? line).replaceAll('\\"', '"').slice(0, 2000);
}
