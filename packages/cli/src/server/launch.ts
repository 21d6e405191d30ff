import { spawn } from 'node:child_process';
import { closeSync, mkdirSync, openSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { setTimeout as sleep } from 'node:timers/promises';
import { GalleyError } from '@galley/api/error/galley-error';
import type { ConnectOptions } from './connect.ts';
import { findServer, type RunningServer } from './running-server.ts';

const answerWithinMs = 30_000;

/** Starts `galley server run` in the background, its output in `server.log`, and waits until it answers. */
export async function launchServer(options: ConnectOptions): Promise<RunningServer> {
  const { home, emit } = options;
  mkdirSync(home, { recursive: true, mode: 0o700 });
  const logPath = join(home, 'server.log');
  const log = openSync(logPath, 'a', 0o600);
  const main = fileURLToPath(new URL('../main.ts', import.meta.url));
  const startedMs = Date.now();
  emit({ object: 'server', phase: 'server', step: 'starting in the background', state: 'started' });
  // With the flags that this process was given (bin/galley).
  const child = spawn(process.execPath, [...process.execArgv, main, 'server', 'run'], {
    stdio: ['ignore', log, log],
    detached: true,
    env: { ...options.env, GALLEY_HOME: home },
  });
  closeSync(log);
  child.unref();
  while (Date.now() - startedMs < answerWithinMs) {
    const server = await findServer(home);
    if (server !== undefined) {
      emit({
        object: 'server',
        phase: 'server',
        step: server.api,
        state: 'done',
        elapsedMs: Date.now() - startedMs,
      });
      return server;
    }
    if (child.exitCode !== null) break;
    await sleep(50, undefined, { signal: options.signal });
  }
  throw new GalleyError(
    'SERVER_START_FAILED',
    `The server for ${home} did not start: ${await lastLine(logPath)}`,
    {
      hint: 'galley server run shows all that it says; galley doctor checks the machine.',
      details: { log: logPath },
    },
  );
}

async function lastLine(path: string): Promise<string> {
  const lines = (await readFile(path, 'utf8').catch(() => '')).trim().split('\n');
  return lines.slice(-4).join(' / ') || 'it said nothing';
}
