import { createHash } from 'node:crypto';
import { realpathSync } from 'node:fs';
import { connect, createServer } from 'node:net';
import { stoppedBy } from './step.mjs';

/**
 * Runs `work` while no other bootstrap of the same checkout works. The lock is a socket in Linux's abstract name space: the
 * kernel gives the name to one process and takes it back however that process ends, so there is no stale lock to
 * judge. (A lock file with a process id was rejected: two waiters can both find it stale.)
 * @template T
 * @param {string} root
 * @param {AbortSignal} signal stops the waiting
 * @param {() => Promise<T>} work
 * @returns {Promise<T>}
 */
export async function withLock(root, signal, work) {
  const key = createHash('sha256').update(realpathSync(root)).digest('hex').slice(0, 24);
  const name = `\0galley-bootstrap-${process.getuid?.() ?? 0}-${key}`;
  let held = await tryListen(name);
  while (held === null) {
    const holder = await waitForRelease(name, signal);
    if (signal.aborted) throw stoppedBy(signal.reason);
    held = await tryListen(name);
    if (held !== null && holder) process.stderr.write('galley: the other installation has ended\n');
  }
  try {
    return await work();
  } finally {
    held.release();
  }
}

/** The lock, or null when another process has the name. Waiting processes stay connected until it is released. */
function tryListen(name) {
  return new Promise((resolve, reject) => {
    const waiting = new Set();
    const server = createServer((socket) => {
      waiting.add(socket);
      socket.on('error', () => {}).on('close', () => waiting.delete(socket));
      socket.write(`${process.pid}\n`);
    });
    server.once('error', (error) => (error.code === 'EADDRINUSE' ? resolve(null) : reject(error)));
    server.listen(name, () => resolve({ release: () => release(server, waiting) }));
  });
}

function release(server, waiting) {
  server.close();
  for (const socket of waiting) socket.destroy();
}

/** Waits until the holder goes away; says whom it waits for. */
function waitForRelease(name, signal) {
  return new Promise((resolve) => {
    const socket = connect(name);
    let holder = '';
    const abort = () => socket.destroy();
    signal.addEventListener('abort', abort, { once: true });
    socket.on('data', (chunk) => {
      if (holder === '')
        process.stderr.write(`galley: waiting for the installation by process ${String(chunk).trim()}\n`);
      holder += chunk;
    });
    socket.on('error', () => {});
    socket.on('close', () => {
      signal.removeEventListener('abort', abort);
      resolve(holder);
    });
  });
}
