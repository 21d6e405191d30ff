import { spawn, type ChildProcess } from 'node:child_process';
import { closeSync, mkdirSync, openSync } from 'node:fs';
import { readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { setTimeout as sleep } from 'node:timers/promises';
import { GalleyError } from '@galley/api/error/galley-error';
import { homeLayout } from '@galley/control/owner/home';
import { homeOwner } from '@galley/control/owner/lock';
import { readRenderedError } from '../render/error.ts';
import type { ConnectOptions } from './connect.ts';
import { findServer, type RunningServer } from './running-server.ts';

/** A server that stops meanwhile may take as long as its gateway: 25 s. */
const answerWithinMs = 60_000;
const lookMs = 50;

/**
 * Starts `galley server run` in the background, its output in `server.log`, and waits until it answers. Who comes second, because another
 * command starts one at the same time, takes that; while an earlier one is still stopping, its end is waited for. Throws what the
 * server said (`PORT_IN_USE`, `HOME_IN_USE` when a build owns the home), else `SERVER_START_FAILED`.
 */
export async function launchServer(options: ConnectOptions): Promise<RunningServer> {
  const { home, emit, signal } = options;
  mkdirSync(home, { recursive: true, mode: 0o700 });
  const startedMs = Date.now();
  emit({ object: 'server', phase: 'server', step: 'starting in the background', state: 'started' });
  while (Date.now() - startedMs < answerWithinMs) {
    const owner = homeOwner(homeLayout(home).lock);
    // A server that starts or stops, and a command on images, are waited for; a build may take hours, and is named.
    const wait = owner !== undefined && owner.role !== 'build';
    const attempt = wait ? undefined : await spawnServer(options);
    const server = await untilAnswers(home, attempt?.child, startedMs, signal);
    if (server !== undefined) {
      const elapsedMs = Date.now() - startedMs;
      emit({ object: 'server', phase: 'server', step: server.api, state: 'done', elapsedMs });
      return server;
    }
    // One that still runs has only not answered yet.
    const failure = attempt !== undefined && hasEnded(attempt.child) ? await attempt.failure() : undefined;
    if (failure !== undefined && !isBeingStarted(home, failure)) throw failure;
  }
  throw new GalleyError(
    'SERVER_START_FAILED',
    `The server for ${home} did not answer within ${answerWithinMs} ms.`,
    {
      hint: `Its log: ${logOf(home)}; galley doctor checks the machine.`,
      details: { log: logOf(home) },
    },
  );
}

/** Another server was there first, or one that stops had not let go yet. */
function isBeingStarted(home: string, failure: GalleyError): boolean {
  return failure.code === 'HOME_IN_USE' && homeOwner(homeLayout(home).lock)?.role !== 'build';
}

interface Attempt {
  readonly child: ChildProcess;
  /** Why it ended. */
  failure(): Promise<GalleyError>;
}

async function spawnServer({ home, env }: ConnectOptions): Promise<Attempt> {
  const path = logOf(home);
  const log = openSync(path, 'a', 0o600);
  const from = (await stat(path)).size;
  const main = fileURLToPath(new URL('../main.ts', import.meta.url));
  // With the flags that this process was given (bin/galley).
  const child = spawn(process.execPath, [...process.execArgv, main, 'server', 'run'], {
    stdio: ['ignore', log, log],
    detached: true,
    env: { ...env, GALLEY_HOME: home },
  });
  closeSync(log);
  child.unref();
  return { child, failure: () => failureOf(home, from) };
}

/** The server of the home; undefined when the child has ended, or without one when the home's owner has. */
async function untilAnswers(
  home: string,
  child: ChildProcess | undefined,
  startedMs: number,
  signal: AbortSignal,
): Promise<RunningServer | undefined> {
  const ended = (): boolean =>
    child === undefined ? homeOwner(homeLayout(home).lock) === undefined : hasEnded(child);
  while (Date.now() - startedMs < answerWithinMs) {
    const last = ended();
    const server = await findServer(home);
    if (server !== undefined || last) return server;
    await sleep(lookMs, undefined, { signal });
  }
  return undefined;
}

function hasEnded(child: ChildProcess): boolean {
  return child.exitCode !== null || child.signalCode !== null;
}

/** What the server wrote behind the first `from` bytes of its log, as its own error. */
async function failureOf(home: string, from: number): Promise<GalleyError> {
  const log = await readFile(logOf(home)).catch(() => Buffer.alloc(0));
  const said = log.subarray(from).toString('utf8');
  const error = readRenderedError(said);
  if (error !== undefined) return error;
  const last = said.trim().split('\n').slice(-4).join(' / ') || 'it said nothing';
  return new GalleyError('SERVER_START_FAILED', `The server for ${home} did not start: ${last}`, {
    hint: 'galley server run shows all that it says; galley doctor checks the machine.',
    details: { log: logOf(home) },
  });
}

function logOf(home: string): string {
  return join(home, 'server.log');
}
