import { spawn } from 'node:child_process';
import { once } from 'node:events';

export interface CommandOptions {
  readonly cwd?: string;
  /** The whole environment: nothing is inherited. Secrets go here, never into the arguments (which every user of the host can read). */
  readonly env: Readonly<Record<string, string>>;
  readonly input?: string | Uint8Array;
  readonly signal?: AbortSignal | undefined;
  /** Bytes of stdout that are kept at most; more kills the program. Default 64 MiB. */
  readonly maxOutputBytes?: number;
  /** Milliseconds until it is killed; default 10 minutes. */
  readonly timeoutMs?: number;
}

export interface CommandResult {
  /** 0–255; 128 + signal where a signal ended it. */
  readonly exitCode: number;
  readonly stdout: Buffer;
  /** The last 64 KiB, as text. */
  readonly stderr: string;
}

const stderrLimit = 64 * 1024;

/**
 * Runs a program to its end. A non-zero exit is a result, not an error: only the caller knows what it means.
 * @throws the spawn error (`ENOENT`: not installed), the signal's reason, or an Error when the output or the time is exceeded.
 */
export async function runCommand(
  command: readonly string[],
  options: CommandOptions,
): Promise<CommandResult> {
  options.signal?.throwIfAborted();
  const [program = '', ...args] = command;
  const child = spawn(program, args, {
    ...(options.cwd === undefined ? {} : { cwd: options.cwd }),
    env: options.env,
    stdio: ['pipe', 'pipe', 'pipe'],
    ...(options.signal === undefined ? {} : { signal: options.signal }),
    timeout: options.timeoutMs ?? 600_000,
    killSignal: 'SIGKILL',
  });
  const limit = options.maxOutputBytes ?? 64 * 1024 * 1024;
  const chunks: Buffer[] = [];
  let size = 0;
  let tooMuch = false;
  let stderr = '';
  child.stdout.on('data', (chunk: Buffer) => {
    size += chunk.length;
    if (size > limit) {
      tooMuch = true;
      child.kill('SIGKILL');
      return;
    }
    chunks.push(chunk);
  });
  child.stderr.on('data', (chunk: Buffer) => {
    stderr = (stderr + chunk.toString('utf8')).slice(-stderrLimit);
  });
  // A program that ends without reading its input breaks the pipe; its exit code tells more than EPIPE does.
  child.stdin.on('error', () => undefined);
  child.stdin.end(options.input ?? '');
  const [code, signalName] = (await once(child, 'close')) as [number | null, NodeJS.Signals | null];
  if (tooMuch) throw new Error(`${program} wrote more than ${limit} bytes`);
  return { exitCode: code ?? (signalName === 'SIGKILL' ? 137 : 143), stdout: Buffer.concat(chunks), stderr };
}
