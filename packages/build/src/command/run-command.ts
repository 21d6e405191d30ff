import { spawnCommand, type SpawnOptions } from './spawn-command.ts';

/** Secrets go into `env` or `descriptor3`, never into the arguments (which every user of the host can read). */
export interface CommandOptions extends SpawnOptions {
  readonly input?: string | Uint8Array;
  /** Bytes of stdout that are kept at most; more kills the program. Default 64 MiB. */
  readonly maxOutputBytes?: number;
}

export interface CommandResult {
  /** 0–255; 128 + signal where a signal ended it. */
  readonly exitCode: number;
  readonly stdout: Buffer;
  /** The last 64 KiB, as text. */
  readonly stderr: string;
  /** It was killed because its time was over. */
  readonly timedOut: boolean;
}

/**
 * Runs a program to its end. A non-zero exit is a result, not an error: only the caller knows what it means.
 * @throws the spawn error (`ENOENT`: not installed), the signal's reason, or an Error when the output is exceeded.
 */
export async function runCommand(
  command: readonly string[],
  options: CommandOptions,
): Promise<CommandResult> {
  const running = spawnCommand(command, options);
  const limit = options.maxOutputBytes ?? 64 * 1024 * 1024;
  const chunks: Buffer[] = [];
  let size = 0;
  let tooMuch = false;
  running.stdout.on('data', (chunk: Buffer) => {
    size += chunk.length;
    if (size > limit) {
      tooMuch = true;
      running.kill();
      return;
    }
    chunks.push(chunk);
  });
  running.stdin.end(options.input ?? '');
  const ended = await running.ended;
  if (tooMuch) throw new Error(`${command[0]} wrote more than ${limit} bytes`);
  return { ...ended, stdout: Buffer.concat(chunks) };
}
