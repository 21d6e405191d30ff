import { setTimeout as sleep } from 'node:timers/promises';
import type { Digest } from '@galley/api/digest';
import { GalleyError } from '@galley/api/error/galley-error';
import type { Engine, Workload } from '@galley/engine/engine';
import { dialRequest } from '@galley/engine/socket/dial-request';
import { isObject, type JsonObject } from '@galley/api/json-object';
import { stepId } from '../workload/step-id.ts';
import { stepLabels } from '../workload/leftovers.ts';
import { throwIfNeverRan } from '../workload/run-workload.ts';
import type { BuildContext } from '../build.ts';
import type { BuildSettings } from '../plan/settings.ts';
import { homeTmpfs, type RehearseOptions } from './rehearse.ts';
import { sameAnswer } from './same-answer.ts';

const readyWithinMs = 120_000;
const answerWithinMs = 30_000;
const healthBytesMax = 64 * 1024;
/** Predictions of one golden request. */
const answerBytesMax = 64 * 1024 ** 2;
const servicePort = 8080;

/** What of a build the check of its image needs. */
export interface SmokeOptions {
  readonly context: Pick<BuildContext, 'engine' | 'signal'>;
  readonly application: string;
  readonly project: string;
  readonly settings: Pick<BuildSettings, 'serviceMemoryBytes' | 'serviceCpus' | 'egressHosts'>;
  readonly secrets: RehearseOptions['secrets'];
}

/** How many golden requests were answered; `varying` of them were not compared. */
export interface SmokeAnswers {
  readonly answers: number;
  readonly varying: number;
}

/** Starts the service image as a replica would be, and asks it its golden requests over HTTP. Throws `SMOKE_CHECK_FAILED`. */
export async function smokeCheck(
  image: Digest,
  golden: JsonObject,
  options: SmokeOptions,
): Promise<SmokeAnswers> {
  const { engine, signal } = options.context;
  const workload = smokeWorkload(image, options);
  await engine.remove(workload.id, 0);
  try {
    await engine.ensure(workload, signal);
    return await proveAnswers(workload.id, golden, options);
  } finally {
    await engine.remove(workload.id, 0);
  }
}

/** A workload as a replica of the image would be, `env` besides. */
export function smokeWorkload(
  image: Digest,
  options: SmokeOptions,
  env: Readonly<Record<string, string>> = {},
): Workload {
  return {
    id: stepId('smoke', options.project, options.application, image),
    project: options.project,
    image,
    command: [],
    env: {
      GALLEY_SOCKET_DIR: '/run/galley',
      GALLEY_APPLICATION: options.application,
      GALLEY_PROJECT: options.project,
      GALLEY_MEMORY_BYTES: String(options.settings.serviceMemoryBytes),
      OMP_NUM_THREADS: '1',
      ...options.secrets.env,
      ...env,
    },
    rootfs: 'readonly',
    limits: {
      memoryBytes: options.settings.serviceMemoryBytes,
      cpus: options.settings.serviceCpus,
      pids: 256,
      openFiles: 1024,
      diskBytes: 256 * 1024 * 1024,
    },
    files: {},
    secrets: options.secrets.files,
    tmpfs: homeTmpfs,
    ports: [servicePort],
    egress: { index: false, hosts: options.settings.egressHosts },
    labels: stepLabels('smoke', options.project, options.application),
  };
}

/** Waits until the workload is ready, then asks it every golden request. Throws `SMOKE_CHECK_FAILED`. */
export async function proveAnswers(
  id: string,
  golden: JsonObject,
  options: SmokeOptions,
): Promise<SmokeAnswers> {
  const { engine, signal } = options.context;
  await untilReady(engine, id, options.application, signal);
  const requests = Array.isArray(golden['requests']) ? golden['requests'].filter(isObject) : [];
  for (const one of requests) await ask(engine, id, one, options.application, signal);
  return { answers: requests.length, varying: requests.filter(({ varies }) => varies === true).length };
}

async function untilReady(
  engine: Engine,
  id: string,
  application: string,
  signal: AbortSignal,
): Promise<void> {
  const deadline = Date.now() + readyWithinMs;
  let last = 'it never answered';
  while (Date.now() < deadline) {
    await throwIfEnded(engine, id, application);
    try {
      const asked = { path: '/healthz', timeoutMs: answerWithinMs, bytesMax: healthBytesMax, signal };
      const { status: code, body } = await dialRequest(engine, id, servicePort, asked);
      if (code === 200) return;
      last = `/healthz answered ${code}: ${body.toString('utf8', 0, 300)}`;
    } catch (error) {
      signal.throwIfAborted();
      last = error instanceof Error ? error.message : String(error);
    }
    await sleep(20, undefined, { signal });
  }
  throw await failed(engine, id, application, last);
}

/** Throws `SMOKE_CHECK_FAILED` when the workload runs no more, and as `throwIfNeverRan`. */
export async function throwIfEnded(engine: Engine, id: string, application: string): Promise<void> {
  const status = await engine.observe(id);
  if (status?.phase !== 'failed' && status?.phase !== 'succeeded' && status?.phase !== 'lost') return;
  await throwIfNeverRan(engine, status);
  const why = `it ended (${status.reason ?? status.phase}, exit code ${status.exitCode ?? 'unknown'})`;
  throw await failed(engine, id, application, why);
}

async function ask(
  engine: Engine,
  id: string,
  golden: JsonObject,
  application: string,
  signal: AbortSignal,
): Promise<void> {
  const rows = Array.isArray(golden['rows']) ? golden['rows'] : [];
  const isRecords = rows.every((row) => isObject(row));
  const { status, body: bytes } = await dialRequest(engine, id, servicePort, {
    path: '/invocations',
    body: JSON.stringify(isRecords ? { dataframe_records: rows } : { instances: rows }),
    timeoutMs: answerWithinMs,
    bytesMax: answerBytesMax,
    signal,
  }).catch(async (error: unknown) => {
    signal.throwIfAborted();
    throw await failed(engine, id, application, error instanceof Error ? error.message : String(error));
  });
  const body = bytes.toString('utf8');
  const answer = status === 200 ? parseAnswer(body) : undefined;
  // The rehearsal asked twice and got two answers: nobody can be held to one of them.
  if (isObject(answer) && golden['varies'] === true) return;
  if (isObject(answer) && sameAnswer(answer['predictions'], golden['predictions'])) return;
  throw new GalleyError(
    'SMOKE_CHECK_FAILED',
    `The service image of ${application} answers a golden request otherwise: ${body.slice(0, 400)}`,
    {
      hint: 'The rehearsal gave another answer: does the predictor depend on time, chance or earlier requests?',
      details: { request: golden, status, body: body.slice(0, 4000) },
    },
  );
}

/** Undefined: no JSON. The image is its user's and may answer anything. */
function parseAnswer(body: string): unknown {
  try {
    return JSON.parse(body);
  } catch {
    return undefined;
  }
}

async function failed(engine: Engine, id: string, application: string, why: string): Promise<GalleyError> {
  const lines: string[] = [];
  for await (const line of engine.logs(id)) {
    lines.push(line.text);
    if (lines.length > 40) lines.shift();
  }
  return new GalleyError(
    'SMOKE_CHECK_FAILED',
    `The service image of ${application} does not serve: ${why}.`,
    {
      hint: 'What it printed is in the details (-o json).',
      details: { log: lines.join('\n') },
    },
  );
}
