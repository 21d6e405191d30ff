import { fork } from 'node:child_process';
import type { Server } from 'node:net';
import { fileURLToPath } from 'node:url';
import { GalleyError } from '@galley/api/error/galley-error';
import { findProgram } from '../process/find-program.ts';
import { plainEnvironment } from '../process/run-command.ts';

const program = fileURLToPath(new URL('netns-listener.ts', import.meta.url));
const deadlineMs = 30_000;

/**
 * Sockets that listen on 127.0.0.1 in the network of the process `pid`, in the order of `ports`. They belong to that
 * network, but this process accepts from them: nothing of ours runs inside, and nothing outlives us. Throws `ENGINE_FAILED`.
 */
export function listenInside(pid: number, ports: readonly number[]): Promise<Server[]> {
  return new Promise((resolve, reject) => {
    const servers = new Map<number, Server>();
    const child = fork(program, ports.map(String), {
      execPath: findProgram('nsenter') ?? 'nsenter',
      execArgv: [`--net=/proc/${pid}/ns/net`, process.execPath],
      env: plainEnvironment,
      stdio: ['ignore', 'ignore', 'ignore', 'ipc'],
    });
    const settle = (error?: unknown): void => {
      clearTimeout(timer);
      child.removeAllListeners();
      child.on('error', () => undefined);
      if (error === undefined) {
        // Every port is there, or `settle` would have an error.
        resolve(ports.map((port) => servers.get(port) as Server));
      } else {
        for (const server of servers.values()) server.close();
        child.kill('SIGKILL');
        reject(
          new GalleyError('ENGINE_FAILED', 'The doors of egress could not be opened.', { cause: error }),
        );
      }
    };
    const timer = setTimeout(() => settle(new Error('nothing listened in time')), deadlineMs);
    child.on('message', (message: { port: number; error?: string }, handle) => {
      if (message.error !== undefined) settle(new Error(message.error));
      // The listener sends servers and nothing else.
      else servers.set(message.port, handle as Server);
      if (servers.size === ports.length) settle();
    });
    child.on('error', settle);
    child.on('exit', () => settle(new Error('the listener ended early')));
  });
}
