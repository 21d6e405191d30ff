import { constants } from 'node:fs';
import { open } from 'node:fs/promises';
import { connect, type Socket } from 'node:net';
import { GalleyError } from '@galley/api/error/galley-error';

/** Linux on x86-64 and arm64; Node has no constant for it. */
const O_PATH = 0o10000000;

/**
 * Connects to a Unix socket that lies in a directory a workload can write. The path is opened without following a
 * link, what was opened is looked at, and exactly that is connected to: between two looks at a path the workload could
 * put a link to a socket of the host there. Throws `DIAL_REFUSED`.
 */
export async function dialSocket(path: string): Promise<Socket> {
  const refuse = (why: string, cause?: unknown): GalleyError =>
    new GalleyError('DIAL_REFUSED', `The socket ${path} cannot be dialled: ${why}.`, { cause });
  const file = await open(path, O_PATH | constants.O_NOFOLLOW).catch((error: unknown) => {
    throw refuse('it does not exist', error);
  });
  try {
    const stat = await file.stat();
    if (stat.isSymbolicLink()) throw refuse('it is a symbolic link');
    if (!stat.isSocket()) throw refuse('it is no socket');
    return await new Promise<Socket>((resolve, reject) => {
      const socket = connect({ path: `/proc/self/fd/${file.fd}` });
      const fail = (error: unknown): void => reject(refuse('nothing listens on it', error));
      socket.once('error', fail);
      socket.once('connect', () => {
        socket.off('error', fail);
        resolve(socket);
      });
    });
  } finally {
    await file.close();
  }
}
