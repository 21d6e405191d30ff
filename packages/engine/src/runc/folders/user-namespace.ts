import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { writeFile } from 'node:fs/promises';
import { GalleyError } from '@galley/api/error/galley-error';
import { plainEnvironment } from '../process/run-command.ts';

/** One id on disk, and the host id that it is shown as. */
export interface IdMap {
  readonly onDisk: number;
  readonly shown: number;
}

const deadlineMs = 10_000;

/**
 * Makes a user namespace with these maps, in which nothing runs but a program that waits, and gives its path to `use`. A mount takes its maps from such a
 * namespace and needs it no longer afterwards. Throws `ENGINE_FAILED`.
 */
export async function withUserNamespace<Result>(
  maps: { readonly user: IdMap; readonly group: IdMap },
  use: (path: string) => Promise<Result>,
): Promise<Result> {
  const child = spawn('unshare', ['--user', '--', 'cat'], {
    env: plainEnvironment,
    stdio: ['pipe', 'pipe', 'ignore'],
    timeout: deadlineMs,
    killSignal: 'SIGKILL',
  });
  const ended = once(child, 'close');
  try {
    // What comes back comes from the program that runs in the namespace: it exists.
    child.stdin.on('error', () => undefined);
    child.stdin.write('.');
    const said = once(child.stdout, 'data');
    if ((await Promise.race([said.then(() => 'there'), ended.then(() => 'gone')])) === 'gone')
      throw new Error('unshare ended early');
    const line = ({ onDisk, shown }: IdMap): string => `${onDisk} ${shown} 1\n`;
    await writeFile(`/proc/${child.pid}/uid_map`, line(maps.user));
    await writeFile(`/proc/${child.pid}/gid_map`, line(maps.group));
    return await use(`/proc/${child.pid}/ns/user`);
  } catch (error) {
    if (error instanceof GalleyError) throw error;
    throw new GalleyError('ENGINE_FAILED', 'No user namespace could be made for a folder.', { cause: error });
  } finally {
    child.kill('SIGKILL');
    await ended.catch(() => undefined);
  }
}
