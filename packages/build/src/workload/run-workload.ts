import { GalleyError } from '@galley/api/error/galley-error';
import type { Engine, LogLine, Workload, WorkloadStatus } from '@galley/engine/engine';

export interface RunOptions {
  readonly engine: Engine;
  readonly signal: AbortSignal;
  readonly onLine?: (line: LogLine) => void;
}

export interface EndedWorkload {
  readonly status: WorkloadStatus;
  /** The last lines of stderr, for a person. */
  readonly stderr: readonly string[];
}

const keptLines = 60;

/**
 * Runs a workload to its end and gives `use` its last status while its output can still be read; then it is removed, also when something
 * failed or the signal fired. One of the same id that outlived a killed build goes on where it was. Throws what the engine throws.
 */
export async function runWorkload<Result>(
  workload: Workload,
  options: RunOptions,
  use: (ended: EndedWorkload) => Promise<Result>,
): Promise<Result> {
  const { engine, signal } = options;
  try {
    await start(engine, workload, signal);
    const stderr: string[] = [];
    const reading = readLines(engine, workload.id, signal, (line) => {
      if (line.stream === 'stderr') {
        stderr.push(line.text);
        if (stderr.length > keptLines) stderr.shift();
      }
      options.onLine?.(line);
    });
    // Awaited below; when the wait itself fails, that is the error to tell.
    reading.catch(() => undefined);
    const status = await waitForEnd(engine, workload.id, signal);
    await reading;
    return await use({ status, stderr });
  } finally {
    await engine.remove(workload.id, 0);
  }
}

/** Adopts what has the same specification; replaces what has another one or was lost. */
async function start(engine: Engine, workload: Workload, signal: AbortSignal): Promise<void> {
  const left = await engine.observe(workload.id);
  if (left?.phase === 'lost' || left?.phase === 'pending') await engine.remove(workload.id, 0);
  try {
    await engine.ensure(workload, signal);
  } catch (error) {
    if (!(error instanceof GalleyError && error.code === 'WORKLOAD_CONFLICT')) throw error;
    await engine.remove(workload.id, 0);
    await engine.ensure(workload, signal);
  }
}

async function readLines(
  engine: Engine,
  id: string,
  signal: AbortSignal,
  onLine: (line: LogLine) => void,
): Promise<void> {
  for await (const line of engine.logs(id, { follow: true, signal })) onLine(line);
}

async function waitForEnd(engine: Engine, id: string, signal: AbortSignal): Promise<WorkloadStatus> {
  for await (const status of engine.watch(signal)) {
    if (status.id !== id) continue;
    await throwIfNeverRan(engine, status);
    if (['succeeded', 'failed', 'lost'].includes(status.phase)) return status;
  }
  signal.throwIfAborted();
  throw new GalleyError('ENGINE_FAILED', `The engine stopped watching the workload ${id}.`);
}

/**
 * Throws for a workload that did not come to run: whoever asked for it would blame what was to run in it. `NO_ISOLATION`; `BLOB_MISSING` when a part of
 * its image is gone; else `ENGINE_FAILED`.
 */
export async function throwIfNeverRan(engine: Engine, status: WorkloadStatus): Promise<void> {
  const { id, phase, reason, message = reason } = status;
  // Still `pending`: an engine that could run it may come yet.
  if (reason === 'NoIsolation') throw await noIsolation(engine, status);
  if (phase !== 'failed' || status.exitCode !== undefined) return;
  // Altered, and removed by who was the first to read it (`ImageStore.discardAltered`): this workload, or one that began at the same time.
  if (reason === 'ImageDamaged' || reason === 'ImageMissing') {
    throw new GalleyError('BLOB_MISSING', message ?? `The image of the workload ${id} is not whole.`, {
      hint: 'Build again: it is made anew.',
      details: { removed: true },
    });
  }
  throw new GalleyError('ENGINE_FAILED', `The workload ${id} did not come to run on this machine.`, {
    hint: 'galley doctor',
    details: { workload: id },
    ...(message === undefined ? {} : { cause: new Error(message) }),
  });
}

async function noIsolation(engine: Engine, status: WorkloadStatus): Promise<GalleyError> {
  const { missing, fix } = await engine.isolation();
  return new GalleyError(
    'NO_ISOLATION',
    `Nothing of a repository runs here: ${missing ?? status.message ?? 'no isolation'}.`,
    {
      hint: fix ?? 'galley doctor',
    },
  );
}
