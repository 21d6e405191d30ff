import { readFileSync } from 'node:fs';

/** A process that cannot be mistaken for another: a pid alone is reused (engine.md §1.5). */
export interface ProcessIdentity {
  readonly pid: number;
  /** Field 22 of /proc/PID/stat, clock ticks after boot. */
  readonly startTime: string;
  readonly bootId: string;
}

/** Identifies a process that is alive now; undefined when it is not, or is a zombie. */
export function identify(pid: number): ProcessIdentity | undefined {
  const startTime = startTimeOf(pid);
  return startTime === undefined ? undefined : { pid, startTime, bootId: bootId() };
}

/** True when exactly this process still runs. */
export function isAlive(process: ProcessIdentity | undefined): boolean {
  return (
    process !== undefined && process.bootId === bootId() && startTimeOf(process.pid) === process.startTime
  );
}

/** Sends a signal to exactly this process; false when it is gone. */
export function signalProcess(target: ProcessIdentity | undefined, signal: NodeJS.Signals): boolean {
  if (target === undefined || !isAlive(target)) return false;
  try {
    return process.kill(target.pid, signal);
  } catch {
    return false; // It ended between the look and the signal.
  }
}

/** This boot's id: everything identified under another one is gone. */
export function bootId(): string {
  return readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim();
}

function startTimeOf(pid: number): string | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    // The command may hold spaces and parentheses; the fields begin after the last one. Field 3 is the state.
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    return fields[0] === 'Z' || fields[0] === 'X' ? undefined : fields[19];
  } catch {
    return undefined;
  }
}
