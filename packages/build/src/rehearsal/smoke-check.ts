import { Agent, request } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Digest } from '@galley/api/digest';
import { GalleyError } from '@galley/api/error/galley-error';
import type { Engine, Workload } from '@galley/engine/engine';
import { isObject, type JsonObject } from '../workload/read-json.ts';
import { stepId } from '../workload/step-id.ts';
import { stepLabels } from '../workload/leftovers.ts';
import { homeTmpfs, type RehearseOptions } from './rehearse.ts';
import { sameAnswer } from './same-answer.ts';

const readyWithinMs = 120_000;
const servicePort = 8080;

/** Starts the service image as a replica would be, and asks it its golden requests over HTTP. Throws `SMOKE_CHECK_FAILED`. */
export async function smokeCheck(
  image: Digest,
  golden: JsonObject,
  options: RehearseOptions,
): Promise<number> {
  const { engine, signal } = options.context;
  const workload: Workload = {
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
  await engine.remove(workload.id, 0);
  try {
    await engine.ensure(workload, signal);
    await untilReady(engine, workload.id, options.application, signal);
    const requests = Array.isArray(golden['requests']) ? golden['requests'].filter(isObject) : [];
    for (const one of requests) await ask(engine, workload.id, one, options.application);
    return requests.length;
  } finally {
    await engine.remove(workload.id, 0);
  }
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
    const status = await engine.observe(id);
    if (status?.phase === 'failed' || status?.phase === 'succeeded' || status?.phase === 'lost') {
      throw await failed(
        engine,
        id,
        application,
        `it ended (${status.reason ?? status.phase}, exit code ${status.exitCode ?? 'unknown'})`,
      );
    }
    try {
      const { status: code, body } = await exchange(engine, id, 'GET', '/healthz');
      if (code === 200) return;
      last = `/healthz answered ${code}: ${body.slice(0, 300)}`;
    } catch (error) {
      last = error instanceof Error ? error.message : String(error);
    }
    await sleep(20, undefined, { signal });
  }
  throw await failed(engine, id, application, last);
}

async function ask(engine: Engine, id: string, golden: JsonObject, application: string): Promise<void> {
  const rows = Array.isArray(golden['rows']) ? golden['rows'] : [];
  const isRecords = rows.every((row) => isObject(row));
  const { status, body } = await exchange(
    engine,
    id,
    'POST',
    '/invocations',
    JSON.stringify(isRecords ? { dataframe_records: rows } : { instances: rows }),
  );
  const answer: unknown = status === 200 ? JSON.parse(body) : undefined;
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

/** One request on a connection of its own to the workload's port. */
async function exchange(
  engine: Engine,
  id: string,
  method: string,
  path: string,
  body?: string,
): Promise<{ status: number; body: string }> {
  const connection = await engine.dial(id, servicePort);
  const agent = new Agent({ keepAlive: false });
  agent.createConnection = () => connection;
  try {
    return await new Promise((resolve, reject) => {
      const headers = { 'content-type': 'application/json', connection: 'close' };
      const sent = request({ agent, method, path, host: 'replica', headers, timeout: 30_000 }, (response) => {
        const chunks: Buffer[] = [];
        response.on('data', (chunk: Buffer) => chunks.push(chunk));
        response.on('error', reject);
        response.on('end', () =>
          resolve({ status: response.statusCode ?? 0, body: Buffer.concat(chunks).toString('utf8') }),
        );
      });
      sent.on('error', reject);
      sent.on('timeout', () => sent.destroy(new Error('no answer within 30 s')));
      sent.end(body);
    });
  } finally {
    connection.destroy();
  }
}
