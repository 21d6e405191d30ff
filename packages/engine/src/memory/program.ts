import type { Workload } from '../engine.ts';

/** What a program of the memory engine is given: what a real one would find around it. */
export interface ProgramContext {
  readonly workload: Workload;
  /** Stands for /galley/out. */
  readonly out: string;
  /** Stands for /run/galley: listen on `${sockets}/8080.sock`. */
  readonly sockets: string;
  /** Fires at SIGTERM: end soon, or be cut off when the grace is over. */
  readonly signal: AbortSignal;
  /** Fires when it is cut off: from here on nothing it does is seen, but it should still stop. */
  readonly killed: AbortSignal;
  /** Writes a line, or several, to stdout or stderr. */
  readonly log: (text: string, stream?: 'stdout' | 'stderr') => void;
  /** True when the workload may reach `host:port`; either answer is recorded as the proxy would. */
  readonly mayReach: (hostPort: string) => boolean;
}

/** Returns the exit code; an exception is exit code 1 with its message on stderr. */
export type Program = (context: ProgramContext) => Promise<number>;
