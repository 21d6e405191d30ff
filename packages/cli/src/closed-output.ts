import type { Writable } from 'node:stream';

/**
 * Whoever reads our output may leave first: `galley logs iris | head`, or a terminal that is closed. Nobody is left to tell, so it is no error;
 * a command that still works is asked to end in order, as by Ctrl-C. Rejected: dying of SIGPIPE as C programs do, which Node turns off
 * and which would leave a server's work half-done.
 */
export function endWithReader(output: Writable, messages: Writable, abort: () => void): void {
  const isClosed = (error: NodeJS.ErrnoException): boolean => error.code === 'EPIPE' || error.code === 'EIO';
  let left = false;
  output.on('error', (error) => {
    if (!isClosed(error)) throw error;
    // Once: every further line fails as well, and a second abort would mean "at once".
    if (!left) abort();
    left = true;
  });
  messages.on('error', (error) => {
    if (!isClosed(error)) throw error;
  });
}
