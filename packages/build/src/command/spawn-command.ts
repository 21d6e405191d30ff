import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import type { Readable, Writable } from 'node:stream';

export interface SpawnOptions {
  readonly cwd?: string;
  /** The whole environment: nothing is inherited. */
  readonly env: Readonly<Record<string, string>>;
  /** Written to file descriptor 3: for a secret that neither the arguments nor the environment may hold. */
  readonly descriptor3?: string | undefined;
  readonly signal?: AbortSignal | undefined;
  /** Milliseconds until it is killed; default 10 minutes. */
  readonly timeoutMs?: number | undefined;
}

export interface RunningCommand {
  readonly stdin: Writable;
  readonly stdout: Readable;
  /**
   * Its end; nothing of its group runs any more. `exitCode` is 128 + signal where a signal ended it, `stderr` the last 64 KiB.
   * Rejects with the spawn error (`ENOENT`: not installed) or the signal's reason.
   */
  readonly ended: Promise<{ readonly exitCode: number; readonly stderr: string; readonly timedOut: boolean }>;
  /** Ends it and everything that it started. */
  kill(): void;
}

const stderrLimit = 64 * 1024;

/**
 * Starts a program in a process group of its own, so that ending it also ends what it started: a `git-remote-https` that waits for a
 * server which never answers would otherwise outlive its git by hours.
 */
export function spawnCommand(command: readonly string[], options: SpawnOptions): RunningCommand {
  options.signal?.throwIfAborted();
  const [program = '', ...args] = command;
  const child = spawn(program, args, {
    ...(options.cwd === undefined ? {} : { cwd: options.cwd }),
    env: options.env,
    stdio: ['pipe', 'pipe', 'pipe', ...(options.descriptor3 === undefined ? [] : (['pipe'] as const))],
    detached: true,
  });
  const { stdin, stdout, stderr } = child;
  if (stdin === null || stdout === null || stderr === null) throw new Error('spawn gave no pipes');
  const kill = (): void => killGroup(child);
  // A program that ends without reading its input breaks the pipe; its exit code tells more than EPIPE does.
  stdin.on('error', () => undefined);
  const third = child.stdio[3];
  if (third !== undefined && third !== null && 'end' in third) {
    third.on('error', () => undefined);
    // Given up at once: a daemon that the program leaves behind would keep the other end open, and us waiting.
    third.end(options.descriptor3, () => third.destroy());
  }
  return { stdin, stdout, ended: follow(child, stderr, kill, options), kill };
}

async function follow(
  child: ChildProcess,
  stderr: Readable,
  kill: () => void,
  options: SpawnOptions,
): Promise<{ exitCode: number; stderr: string; timedOut: boolean }> {
  let said = '';
  let timedOut = false;
  stderr.on('data', (chunk: Buffer) => {
    said = (said + chunk.toString('utf8')).slice(-stderrLimit);
  });
  const timer = setTimeout(() => {
    timedOut = true;
    kill();
  }, options.timeoutMs ?? 600_000);
  options.signal?.addEventListener('abort', kill, { once: true });
  try {
    const [code, signalName] = (await once(child, 'close')) as [number | null, NodeJS.Signals | null];
    options.signal?.throwIfAborted();
    return { exitCode: code ?? (signalName === 'SIGKILL' ? 137 : 143), stderr: said, timedOut };
  } finally {
    clearTimeout(timer);
    options.signal?.removeEventListener('abort', kill);
  }
}

function killGroup(child: ChildProcess): void {
  if (child.pid === undefined) return;
  try {
    process.kill(-child.pid, 'SIGKILL');
  } catch {
    // ESRCH: it has ended by itself.
  }
}
