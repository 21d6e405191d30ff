import type { Readable } from 'node:stream';
import type { Duplex } from 'node:stream';
import { GalleyError } from '@galley/api/error/galley-error';
import type { Engine, LogLine, Workload, WorkloadStatus } from '../engine.ts';
import { checkWorkload } from '../workload/check-workload.ts';
import { publicWorkload, specHash } from '../workload/public-workload.ts';
import { watchStatuses } from '../workload/watch-statuses.ts';
import type { Isolation } from './isolation.ts';

/**
 * What stands in on a machine that cannot isolate: workloads are taken and stay pending with reason `NoIsolation` and
 * the command that mends it. Nothing is ever run without isolation (issue 3).
 */
export class NoIsolationEngine implements Engine {
  readonly name = 'runc';
  readonly #isolation: Isolation;
  readonly #statuses = new Map<string, WorkloadStatus>();
  readonly #listeners = new Set<(status: WorkloadStatus) => void>();

  constructor(isolation: Isolation) {
    this.#isolation = isolation;
  }

  async ensure(workload: Workload): Promise<WorkloadStatus> {
    checkWorkload(workload);
    const hash = specHash(publicWorkload(workload));
    const known = this.#statuses.get(workload.id);
    if (known !== undefined && known.specHash !== hash) {
      throw new GalleyError(
        'WORKLOAD_CONFLICT',
        `A workload ${workload.id} exists, and it was made from another specification.`,
      );
    }
    const { missing = 'isolation', fix = 'galley doctor' } = this.#isolation;
    const status: WorkloadStatus = {
      id: workload.id,
      specHash: hash,
      phase: 'pending',
      reason: 'NoIsolation',
      message: `This machine lacks ${missing}. Run: ${fix}`,
      refusedHosts: [],
      reachedHosts: [],
      labels: workload.labels,
    };
    this.#statuses.set(workload.id, status);
    for (const listener of this.#listeners) listener(status);
    return status;
  }

  observe(id: string): Promise<WorkloadStatus | undefined> {
    return Promise.resolve(this.#statuses.get(id));
  }

  list(): Promise<readonly WorkloadStatus[]> {
    return Promise.resolve([...this.#statuses.values()]);
  }

  watch(signal: AbortSignal): AsyncIterable<WorkloadStatus> {
    const listen = (listener: (status: WorkloadStatus) => void) => {
      this.#listeners.add(listener);
      return () => this.#listeners.delete(listener);
    };
    return watchStatuses(() => [...this.#statuses.values()], listen, signal);
  }

  remove(id: string): Promise<void> {
    this.#statuses.delete(id);
    return Promise.resolve();
  }

  logs(id: string): AsyncIterable<LogLine> {
    throw this.#refusal(id);
  }

  dial(id: string): Promise<Duplex> {
    return Promise.reject(this.#refusal(id));
  }

  output(id: string): Promise<Readable> {
    return Promise.reject(this.#refusal(id));
  }

  isolation(): Promise<Isolation> {
    return Promise.resolve(this.#isolation);
  }

  close(): Promise<void> {
    return Promise.resolve();
  }

  #refusal(id: string): GalleyError {
    if (!this.#statuses.has(id)) return new GalleyError('WORKLOAD_NOT_FOUND', `There is no workload ${id}.`);
    const { missing = 'isolation', fix = 'galley doctor' } = this.#isolation;
    return new GalleyError(
      'NO_ISOLATION',
      `The workload ${id} does not run: this machine lacks ${missing}.`,
      {
        hint: `Run: ${fix}`,
      },
    );
  }
}
