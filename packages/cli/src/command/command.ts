import type { Emit } from '@galley/api/event';
import type { Client } from '@galley/api/http/client';

/** A positional argument. */
export interface Argument {
  readonly name: string;
  readonly description: string;
  readonly optional?: boolean;
  /** What a shell offers for it. */
  readonly completes?: 'application' | 'path' | 'image' | 'secret';
}

/** A flag, written as commander reads it: `-n, --name <NAME>`. */
export interface Option {
  readonly flags: string;
  readonly description: string;
  readonly default?: string;
  /** May be given several times. */
  readonly repeatable?: boolean;
}

/** What a command was called with; names of flags are in camel case. */
export interface Input {
  readonly args: readonly string[];
  readonly options: Readonly<Record<string, string | boolean | readonly string[] | undefined>>;
}

/** What every command may use of the world; nothing is taken from `process` elsewhere. */
export interface Context {
  /** Connects to the owner of GALLEY_HOME. `start`: launches one in the background when there is none; else `SERVER_NOT_RUNNING`. */
  connect(options?: { start?: boolean }): Promise<Client>;
  readonly home: string;
  readonly project: string;
  readonly cwd: string;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly output: OutputFormat;
  /** Standard output is a terminal: what was written may be replaced. */
  readonly isTerminal: boolean;
  /** Lines for people, now: for streams. Nothing goes here with `-o json`. */
  readonly say: (line: string) => void;
  /** Data, one line each, now: for streams with `-o json`. */
  readonly data: (value: unknown) => void;
  readonly emit: Emit;
  /** All that is piped in, as text. */
  readonly stdin: () => Promise<string>;
  /** What is piped in, or what a person types at the terminal without seeing it. */
  readonly hiddenInput: (prompt: string) => Promise<Uint8Array>;
  /** Fires at Ctrl-C. */
  readonly signal: AbortSignal;
  readonly now: () => number;
}

export type OutputFormat = 'text' | 'json' | 'yaml' | 'name';

/** What a command found. `text` is for people, `value` for `-o json` and `-o yaml`, `names` for `-o name`. */
export interface Result {
  readonly text?: string;
  readonly value?: unknown;
  readonly names?: readonly string[];
  /** Default 0. */
  readonly exitCode?: number;
}

/** A command is data: its help, its completion and its tests are made from it. One file each, named as it is typed. */
export interface Command {
  readonly summary: string;
  /** More than the summary, for `--help`. */
  readonly description?: string;
  readonly examples: readonly string[];
  readonly arguments?: readonly Argument[];
  readonly options?: readonly Option[];
  run(input: Input, context: Context): Promise<Result>;
}
