import { mkdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { Readable } from 'node:stream';
import type { Duplex } from 'node:stream';
import { GalleyError } from '@galley/api/error/galley-error';
import type { Engine, LogLine, Workload, WorkloadStatus, WorkloadUsage } from '../engine.ts';
import { packOutput } from '../output/pack-output.ts';
import { dialSocket } from '../socket/dial-socket.ts';
import { checkWorkload } from '../workload/check-workload.ts';
import { publicWorkload, specHash } from '../workload/public-workload.ts';
import { watchStatuses } from '../workload/watch-statuses.ts';
import { MemoryWorkload } from './memory-workload.ts';
import type { Program } from './program.ts';

export interface MemoryEngineOptions {
  /** By image digest, or by the first word of the command; the image wins. */
  readonly programs: Readonly<Record<string, Program>>;
  /** A short path: sockets lie below it, and their paths may have 107 bytes. */
  readonly root: string;
  /** Milliseconds since the epoch. */
  readonly clock?: () => number;
}

/** Operations that can be told to fail. */
export type FaultOperation = 'ensure' | 'observe' | 'remove' | 'dial' | 'output';

export interface Fault {
  readonly operation: FaultOperation;
  /** Default: every workload. */
  readonly id?: string;
  readonly error: Error;
  /** Default: 1. */
  readonly times?: number;
}

const outputLimits = { entries: 200_000, depth: 64 };

/** The memory engine: the contract, and what only tests want. */
export class MemoryEngine implements Engine {
  readonly name = 'memory';
  readonly #options: MemoryEngineOptions;
  readonly #workloads = new Map<string, MemoryWorkload>();
  readonly #listeners = new Set<(status: WorkloadStatus) => void>();
  readonly #changes = new EventTarget();
  readonly #faults: { fault: Fault; left: number }[] = [];

  constructor(options: MemoryEngineOptions) {
    this.#options = options;
  }

  /** Makes an operation fail from now on, as often as the fault says. */
  inject(fault: Fault): void {
    this.#faults.push({ fault, left: fault.times ?? 1 });
  }

  /** Ends a program at once with this exit code, as a crash would. */
  crash(id: string, exitCode: number): void {
    this.#require(id).finish(exitCode);
  }

  /** Kills a program for memory. */
  outOfMemory(id: string): void {
    const workload = this.#require(id);
    const limit = workload.workload.limits.memoryBytes;
    workload.cutOff('OOMKilled', `It needed more memory than its limit of ${limit} bytes.`);
  }

  /** Loses sight of a program. */
  lose(id: string): void {
    this.#require(id).lose();
  }

  async ensure(workload: Workload, signal?: AbortSignal): Promise<WorkloadStatus> {
    checkWorkload(workload);
    signal?.throwIfAborted();
    this.#failIfTold('ensure', workload.id);
    if ((workload.folders ?? []).length > 0)
      throw new GalleyError('WORKLOAD_INVALID', 'The engine memory has no folders of the host to give.');
    const hash = specHash(publicWorkload(workload));
    const known = this.#workloads.get(workload.id);
    if (known !== undefined) {
      if (known.status.specHash === hash) return known.status;
      throw new GalleyError(
        'WORKLOAD_CONFLICT',
        `A workload ${workload.id} exists, and it was made from another specification.`,
      );
    }
    const made = new MemoryWorkload(workload, hash, this.#options.clock ?? Date.now, () => this.#tell(made));
    this.#workloads.set(workload.id, made);
    const program =
      this.#options.programs[workload.image] ?? this.#options.programs[workload.command[0] ?? ''];
    if (program === undefined) {
      made.fail('ImageMissing', `The image ${workload.image} has no program here.`);
      return made.status;
    }
    await mkdir(this.#out(workload.id), { recursive: true });
    await mkdir(this.#sockets(workload.id), { recursive: true });
    made.start(program, this.#out(workload.id), this.#sockets(workload.id));
    return made.status;
  }

  async observe(id: string): Promise<WorkloadStatus | undefined> {
    this.#failIfTold('observe', id);
    return this.#workloads.get(id)?.status;
  }

  async list(): Promise<readonly WorkloadStatus[]> {
    return [...this.#workloads.values()].map((workload) => workload.status);
  }

  watch(signal: AbortSignal): AsyncIterable<WorkloadStatus> {
    const current = (): WorkloadStatus[] => [...this.#workloads.values()].map((workload) => workload.status);
    const listen = (listener: (status: WorkloadStatus) => void) => {
      this.#listeners.add(listener);
      return () => this.#listeners.delete(listener);
    };
    return watchStatuses(current, listen, signal);
  }

  async remove(id: string, graceMs: number): Promise<void> {
    this.#failIfTold('remove', id);
    const workload = this.#workloads.get(id);
    if (workload === undefined) return;
    await workload.terminate(graceMs);
    if (this.#workloads.get(id) === workload) this.#workloads.delete(id);
    this.#changes.dispatchEvent(new Event(id));
    await rm(join(this.#options.root, id), { recursive: true, force: true });
  }

  async *logs(
    id: string,
    options: { follow?: boolean; since?: string; signal?: AbortSignal } = {},
  ): AsyncIterable<LogLine> {
    const workload = this.#require(id);
    for (let at = 0; ;) {
      for (; at < workload.lines.length; at++) {
        const line = workload.lines[at];
        if (line !== undefined && (options.since === undefined || line.time > options.since)) yield line;
      }
      if (!options.follow || workload.finished || options.signal?.aborted) return;
      await workload.next(options.signal, this.#changes);
    }
  }

  async dial(id: string, port: number | 'admin'): Promise<Duplex> {
    this.#failIfTold('dial', id);
    const { workload, status } = this.#require(id);
    if (port !== 'admin' && !workload.ports.includes(port)) {
      throw new GalleyError('DIAL_REFUSED', `The workload ${id} offers no port ${port}.`);
    }
    if (status.phase !== 'running') {
      throw new GalleyError('DIAL_REFUSED', `The workload ${id} does not run: it is ${status.phase}.`);
    }
    return dialSocket(join(this.#sockets(id), `${port}.sock`));
  }

  socketPath(id: string, port: number): string {
    return join(this.#sockets(id), `${port}.sock`);
  }

  async output(id: string): Promise<Readable> {
    this.#failIfTold('output', id);
    const { workload, finished, status } = this.#require(id);
    if (!finished) {
      throw new GalleyError('ENGINE_FAILED', `The workload ${id} has no output yet: it is ${status.phase}.`);
    }
    return packOutput(this.#out(id), { ...outputLimits, bytes: workload.limits.diskBytes });
  }

  async usage(id: string): Promise<WorkloadUsage> {
    const oomKills = this.#require(id).status.reason === 'OOMKilled' ? 1 : 0;
    return { memoryBytes: 0, memoryPeakBytes: 0, cpuMs: 0, restarts: 0, oomKills };
  }

  async isolation(): Promise<{ tier: string }> {
    return { tier: 'memory' };
  }

  /** Ends every program: they live in this process and nowhere else. */
  async close(): Promise<void> {
    for (const id of this.#workloads.keys()) await this.remove(id, 0).catch(() => undefined);
  }

  #tell(workload: MemoryWorkload): void {
    for (const listener of this.#listeners) listener(workload.status);
    this.#changes.dispatchEvent(new Event(workload.workload.id));
  }

  #failIfTold(operation: FaultOperation, id: string): void {
    const found = this.#faults.find(
      ({ fault, left }) => left > 0 && fault.operation === operation && (fault.id ?? id) === id,
    );
    if (found === undefined) return;
    found.left -= 1;
    throw found.fault.error;
  }

  #require(id: string): MemoryWorkload {
    const workload = this.#workloads.get(id);
    if (workload === undefined) throw new GalleyError('WORKLOAD_NOT_FOUND', `There is no workload ${id}.`);
    return workload;
  }

  #out(id: string): string {
    return join(this.#options.root, id, 'out');
  }

  #sockets(id: string): string {
    return join(this.#options.root, id, 's');
  }
}

/** An engine whose workloads are functions of this process; see `MemoryEngine` for what tests can tell it. */
export function createMemoryEngine(options: MemoryEngineOptions): MemoryEngine {
  return new MemoryEngine(options);
}
