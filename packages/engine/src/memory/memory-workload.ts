import { once } from 'node:events';
import { setTimeout as delay } from 'node:timers/promises';
import type { LogLine, Workload, WorkloadStatus } from '../engine.ts';
import { utcTime } from '../log/cri-line.ts';
import type { Program } from './program.ts';

const killedExitCode = 137;
const hostsMax = 100;

/** One running or ended program. */
export class MemoryWorkload {
  readonly workload: Workload;
  readonly lines: LogLine[] = [];
  status: WorkloadStatus;
  /** Resolves when the program has ended or was cut off. */
  readonly ended: Promise<void>;
  readonly #term = new AbortController();
  readonly #kill = new AbortController();
  readonly #changed: () => void;
  readonly #now: () => number;
  #end: () => void = () => undefined;
  #lastTime = 0;
  #timer: NodeJS.Timeout | undefined;

  constructor(workload: Workload, specHash: string, now: () => number, changed: () => void) {
    this.workload = workload;
    this.#now = now;
    this.#changed = changed;
    this.ended = new Promise((resolve) => (this.#end = resolve));
    this.status = {
      id: workload.id,
      specHash,
      phase: 'pending',
      refusedHosts: [],
      reachedHosts: [],
      labels: workload.labels,
    };
  }

  get finished(): boolean {
    return ['succeeded', 'failed', 'lost'].includes(this.status.phase);
  }

  start(program: Program, out: string, sockets: string): void {
    this.#update({ phase: 'running', startedAt: this.#time() });
    const { timeoutMs } = this.workload;
    if (timeoutMs) {
      const message = `It ran longer than ${timeoutMs} ms.`;
      this.#timer = setTimeout(() => this.cutOff('Timeout', message), timeoutMs);
      this.#timer.unref();
    }
    const context = {
      workload: this.workload,
      out,
      sockets,
      signal: this.#term.signal,
      killed: this.#kill.signal,
      log: (text: string, stream: 'stdout' | 'stderr' = 'stdout') => this.#log(text, stream),
      mayReach: (hostPort: string) => this.#mayReach(hostPort),
    };
    program(context).then(
      (code) => this.finish(code),
      (error: unknown) => {
        this.#log(error instanceof Error ? error.message : String(error), 'stderr');
        this.finish(1);
      },
    );
  }

  /** It never came to run. */
  fail(reason: string, message: string): void {
    this.#update({ phase: 'failed', reason, message, endedAt: this.#time() });
    this.#end();
  }

  finish(exitCode: number): void {
    if (this.finished) return;
    const failed = {
      phase: 'failed',
      reason: 'Error',
      message: `It ended with exit code ${exitCode}.`,
    } as const;
    this.#stop({ ...(exitCode === 0 ? { phase: 'succeeded' } : failed), exitCode });
  }

  /** SIGKILL: whatever the program still does is not seen. */
  cutOff(reason: string, message: string): void {
    if (this.finished) return;
    this.#stop({ phase: 'failed', reason, message, exitCode: killedExitCode });
  }

  /** As when the machine lost sight of it: nobody knows how it ended. */
  lose(): void {
    if (this.finished) return;
    this.#stop({ phase: 'lost', reason: 'Lost', message: 'It ended while nobody watched.' });
  }

  /** SIGTERM, and SIGKILL when the grace is over. */
  async terminate(graceMs: number): Promise<void> {
    this.#term.abort();
    const over = new AbortController();
    const grace = delay(graceMs, undefined, { signal: over.signal, ref: true }).catch(() => undefined);
    if (graceMs > 0) await Promise.race([this.ended, grace]);
    over.abort();
    this.cutOff('Error', 'It was removed.');
  }

  /** Resolves at the next line or change, or when the signal fires. */
  async next(signal: AbortSignal | undefined, target: EventTarget): Promise<void> {
    const stop = new AbortController();
    const signals = signal === undefined ? stop.signal : AbortSignal.any([stop.signal, signal]);
    try {
      // EventTarget's events are not EventEmitter's; `once` takes both.
      await once(target, this.workload.id, { signal: signals });
    } catch {
      // The signal fired.
    } finally {
      stop.abort();
    }
  }

  #stop(change: Partial<WorkloadStatus>): void {
    clearTimeout(this.#timer);
    this.#update({ ...change, endedAt: this.#time() });
    this.#term.abort();
    this.#kill.abort();
    this.#end();
  }

  #log(text: string, stream: 'stdout' | 'stderr'): void {
    if (this.finished) return;
    for (const line of text.replace(/\n$/, '').split('\n')) {
      // Strictly increasing, as `since` is exclusive: two lines of one millisecond must not be one.
      this.#lastTime = Math.max(this.#now() * 1000, this.#lastTime + 1);
      const micro = String(this.#lastTime % 1000).padStart(3, '0');
      const time = new Date(Math.floor(this.#lastTime / 1000)).toISOString().replace('Z', `${micro}Z`);
      this.lines.push({ time: utcTime(time), stream, text: line });
    }
    this.#changed();
  }

  #mayReach(hostPort: string): boolean {
    const allowed = this.workload.egress.hosts.includes(hostPort);
    const list = allowed ? 'reachedHosts' : 'refusedHosts';
    const before = this.status[list];
    if (before.length < hostsMax && !before.includes(hostPort))
      this.#update({ [list]: [...before, hostPort] });
    return allowed;
  }

  #update(change: Partial<WorkloadStatus>): void {
    this.status = { ...this.status, ...change };
    this.#changed();
  }

  #time(): string {
    return new Date(this.#now()).toISOString();
  }
}
