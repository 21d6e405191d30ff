import { watch, type FSWatcher } from 'node:fs';
import { readFile } from 'node:fs/promises';
import type { Duplex, Readable } from 'node:stream';
import { join } from 'node:path';
import { GalleyError } from '@galley/api/error/galley-error';
import type {
  Engine,
  FetchedFile,
  LogLine,
  Workload,
  WorkloadInspection,
  WorkloadStatus,
  WorkloadUsage,
} from '../engine.ts';
import { readLog } from '../log/read-log.ts';
import { dialSocket } from '../socket/dial-socket.ts';
import { watchStatuses } from '../workload/watch-statuses.ts';
import { checkWorkload } from '../workload/check-workload.ts';
import { publicWorkload, specHash } from '../workload/public-workload.ts';
import { readUsage } from './cgroup/counters.ts';
import { cgroupsPath, closeHost, type Host } from './host.ts';
import { inspectWorkload } from './inspect/inspect-workload.ts';
import type { Isolation } from './isolation.ts';
import { eraseWorkload, stopWorkload } from './lifecycle/clean-up.ts';
import { armDeadline } from './lifecycle/deadline.ts';
import { finishIfEnded } from './lifecycle/finish.ts';
import { openChanges, openOutput } from './lifecycle/open-output.ts';
import { rotateLog } from './lifecycle/rotate-log.ts';
import { startWorkload } from './lifecycle/start.ts';
import { workloadPaths } from './layout.ts';
import { signalProcess } from './process/process-identity.ts';
import { isFinished, statusOf, writeRecord, type WorkloadRecord } from './record.ts';
import type { Entry, WorkloadTable } from './workload-table.ts';

/** How often logs are measured and processes looked after whose end no file tells (conmon was killed). */
const lookEveryMs = 1_000;

/** The engine over runc. Opened by `create-runc-engine.ts`, which has recovered what an earlier owner left. */
export class RuncEngine implements Engine {
  readonly name = 'runc';
  readonly #host: Host;
  readonly #table: WorkloadTable;
  readonly #isolation: Isolation;
  readonly #exits: FSWatcher;
  readonly #look: NodeJS.Timeout;
  #closed = false;

  constructor(host: Host, table: WorkloadTable, isolation: Isolation) {
    this.#host = host;
    this.#table = table;
    this.#isolation = isolation;
    this.#exits = watch(host.layout.exits, (_, name) => {
      if (name !== null) this.#finishSoon(name);
    });
    // What ended between the recovery and now is found by the next look.
    this.#look = setInterval(() => this.#lookAfter(), lookEveryMs);
    this.#look.unref();
    for (const entry of table.entries()) armDeadline(table, entry, host.now);
  }

  async ensure(workload: Workload, signal?: AbortSignal): Promise<WorkloadStatus> {
    checkWorkload(workload);
    signal?.throwIfAborted();
    const spec = publicWorkload(workload);
    const hash = specHash(spec);
    return this.#table.queue(workload.id, async () => {
      const known = this.#table.get(workload.id);
      if (known !== undefined) {
        if (known.record.specHash === hash) return statusOf(known.record);
        throw new GalleyError(
          'WORKLOAD_CONFLICT',
          `A workload ${workload.id} exists, and it was made from another specification.`,
        );
      }
      const record: WorkloadRecord = {
        schema: 'galley.dev/workload-record/v1',
        specHash: hash,
        workload: spec,
        createdAt: new Date(this.#host.now()).toISOString(),
        phase: 'pending',
        refusedHosts: [],
        uid: await this.#host.uids.uidOf(workload.project),
        diffIds: [],
      };
      await writeRecord(workloadPaths(this.#host.layout, workload.id), record);
      return this.#start(this.#table.adopt(record), workload, signal);
    });
  }

  observe(id: string): Promise<WorkloadStatus | undefined> {
    const entry = this.#table.get(id);
    return Promise.resolve(entry && statusOf(entry.record));
  }

  list(): Promise<readonly WorkloadStatus[]> {
    return Promise.resolve(this.#table.entries().map((entry) => statusOf(entry.record)));
  }

  watch(signal: AbortSignal): AsyncIterable<WorkloadStatus> {
    return watchStatuses(
      () => this.#table.entries().map((entry) => statusOf(entry.record)),
      (listener) => this.#table.listen(listener),
      signal,
    );
  }

  async remove(id: string, graceMs: number): Promise<void> {
    const entry = this.#table.get(id);
    if (entry === undefined) return;
    entry.starting.abort(
      new GalleyError('ENGINE_FAILED', `The workload ${id} was removed while it started.`),
    );
    if (graceMs > 0 && signalProcess(entry.record.init, 'SIGTERM')) await this.#table.waitForEnd(id, graceMs);
    await this.#table.queue(id, async () => {
      if (this.#table.get(id) !== entry) return;
      // It may have ended unseen: on a busy machine the news of its exit file can come after us, or not at all.
      await finishIfEnded(this.#host, this.#table, entry);
      if (!isFinished(entry.record)) {
        signalProcess(entry.record.init, 'SIGKILL');
        await stopWorkload(this.#host, this.#table, entry);
      }
      await eraseWorkload(entry);
      this.#table.forget(id);
    });
  }

  logs(
    id: string,
    options: { follow?: boolean; since?: string; signal?: AbortSignal } = {},
  ): AsyncIterable<LogLine> {
    const entry = this.#require(id);
    return readLog(
      { current: entry.paths.log, old: entry.paths.logOld },
      {
        ...options,
        ended: () => isFinished(entry.record) || this.#closed || this.#table.get(id) !== entry,
        onChange: (listener) => this.#table.listen(listener),
      },
    );
  }

  async dial(id: string, port: number | 'admin'): Promise<Duplex> {
    const entry = this.#require(id);
    const { workload, phase } = entry.record;
    if (port !== 'admin' && !workload.ports.includes(port)) {
      throw new GalleyError('DIAL_REFUSED', `The workload ${id} offers no port ${port}.`);
    }
    if (phase !== 'running') {
      throw new GalleyError('DIAL_REFUSED', `The workload ${id} does not run: it is ${phase}.`);
    }
    return dialSocket(join(entry.paths.sockets, `${port}.sock`));
  }

  socketPath(id: string, port: number): string {
    return join(workloadPaths(this.#host.layout, id).sockets, `${port}.sock`);
  }

  async output(id: string): Promise<Readable> {
    return openOutput(this.#require(id));
  }

  async changes(id: string): Promise<Readable> {
    return openChanges(this.#require(id));
  }

  async inspect(id: string): Promise<WorkloadInspection> {
    return inspectWorkload(this.#host, this.#require(id).record);
  }

  async usage(id: string): Promise<WorkloadUsage> {
    const { record } = this.#require(id);
    const now = await readUsage(this.#host.cgroups, cgroupsPath(this.#host, record.workload.project, id));
    const nothing = { memoryBytes: 0, memoryPeakBytes: 0, cpuMs: 0, restarts: 0, oomKills: 0 };
    return (isFinished(record) ? record.usage : now) ?? nothing;
  }

  async fetched(id: string): Promise<readonly FetchedFile[]> {
    const text = await readFile(this.#require(id).paths.fetched, 'utf8').catch(() => '');
    // Our own lines; one that a crash cut short is left out.
    return text.split('\n').flatMap((line) => (line.endsWith('}') ? [JSON.parse(line) as FetchedFile] : []));
  }

  isolation(): Promise<Isolation> {
    return Promise.resolve(this.#isolation);
  }

  async close(): Promise<void> {
    this.#closed = true;
    this.#exits.close();
    clearInterval(this.#look);
    for (const entry of this.#table.entries()) clearTimeout(entry.deadline);
    await this.#table.idle();
    await closeHost(this.#host);
  }

  async #start(entry: Entry, workload: Workload, signal: AbortSignal | undefined): Promise<WorkloadStatus> {
    const interrupt = (): void => entry.starting.abort(signal?.reason);
    signal?.addEventListener('abort', interrupt, { once: true });
    try {
      await startWorkload(this.#host, this.#table, entry, workload);
      armDeadline(this.#table, entry, this.#host.now);
    } catch (error) {
      await stopWorkload(this.#host, this.#table, entry);
      if (entry.starting.signal.aborted) {
        await eraseWorkload(entry);
        this.#table.forget(workload.id);
        throw error;
      }
      await this.#table.update(entry, failureOf(error, this.#host.now()));
    } finally {
      signal?.removeEventListener('abort', interrupt);
    }
    return statusOf(entry.record);
  }

  #finishSoon(id: string): void {
    const entry = this.#table.get(id);
    if (entry === undefined || this.#closed) return;
    // A failure here is tried again by the next look; it must not end the owner's process.
    this.#table
      .queue(id, async () => {
        // A removal that went before has seen the end itself; writing the record again would bring the workload back.
        if (this.#table.get(id) === entry) await finishIfEnded(this.#host, this.#table, entry);
      })
      .catch(() => undefined);
  }

  #lookAfter(): void {
    for (const entry of this.#table.entries()) {
      if (entry.record.phase !== 'running') continue;
      rotateLog(entry.paths).catch(() => undefined);
      this.#finishSoon(entry.record.workload.id);
    }
  }

  #require(id: string): Entry {
    const entry = this.#table.get(id);
    if (entry === undefined) throw new GalleyError('WORKLOAD_NOT_FOUND', `There is no workload ${id}.`);
    return entry;
  }
}

function failureOf(error: unknown, now: number): Partial<WorkloadRecord> {
  const code = error instanceof GalleyError ? error.code : '';
  const missing = ['BLOB_MISSING', 'IMAGE_INVALID', 'IMAGE_NOT_FOUND'].includes(code);
  // Only what is gone from the store can be made again: an image that lies about its layers stays as it is.
  const damaged =
    error instanceof GalleyError && code === 'DIGEST_MISMATCH' && error.details['removed'] === true;
  return {
    phase: 'failed',
    reason: missing ? 'ImageMissing' : damaged ? 'ImageDamaged' : 'Error',
    message: error instanceof Error ? error.message : String(error),
    endedAt: new Date(now).toISOString(),
  };
}
