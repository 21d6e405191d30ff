import { randomBytes } from 'node:crypto';
import { lstat } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Digest } from '@galley/api/digest';
import { GalleyError } from '@galley/api/error/galley-error';
import type { Emit } from '@galley/api/event';
import { labPort } from '@galley/build/layers/image-config';
import type { Engine, Workload, WorkloadFolder, WorkloadStatus } from '@galley/engine/engine';
import { dialRequest } from '@galley/engine/socket/dial-request';
import { forwardPort } from './forward.ts';
import { keepFetched, type LabFolder } from './lab-folder.ts';

export interface LabRequest {
  readonly project: string;
  /** Of a workbench. */
  readonly image: Digest;
  /** Real path of the folder to work in; undefined: in what the image holds, and what is made there goes with the session. */
  readonly path: string | undefined;
  readonly folder: LabFolder;
  readonly limits: { readonly memoryBytes: number; readonly cpus: number };
  /** `host:port` that it may reach besides the package index. */
  readonly hosts: readonly string[];
  /** 0: any free one. */
  readonly port: number;
  readonly emit: Emit;
  readonly signal: AbortSignal;
}

/** A lab that answers. */
export interface Lab {
  /** With its token. */
  readonly url: string;
  /** Resolves when it ends by itself, or when the signal fires. */
  ended(): Promise<WorkloadStatus | undefined>;
}

const id = 'lab';
const tokenFile = '/run/secrets/jupyter-token';
const graceMs = 5_000;
/** The first start compiles what JupyterLab imports: half a minute on a busy machine. */
const answerWithinMs = 5 * 60_000;
const lookMs = 100;
const lastLines = 5;

/** Starts a lab, hands it to `use`, and leaves nothing of it but what lasts of its folder. Throws `LAB_FAILED`, `PORT_IN_USE`, and what the engine throws. */
export async function withLab<Result>(
  engine: Engine,
  request: LabRequest,
  use: (lab: Lab) => Promise<Result>,
): Promise<Result> {
  const { signal, folder, emit } = request;
  const token = randomBytes(24).toString('hex');
  try {
    emit({ object: 'lab', phase: 'lab', step: 'JupyterLab', state: 'started' });
    const status = await engine.ensure(await workloadOf(request, token), signal);
    if (status.phase !== 'running') throw await failed(engine, status);
    const forwarder = await forwardPort(engine, { id, inside: labPort, port: request.port });
    try {
      await untilAnswers(engine, signal);
      emit({ object: 'lab', phase: 'lab', step: 'JupyterLab', state: 'done' });
      return await use({
        url: `http://127.0.0.1:${forwarder.port}/lab?token=${token}`,
        ended: () => untilEnds(engine, signal),
      });
    } finally {
      await forwarder.close();
    }
  } finally {
    await endLab(engine, folder);
  }
}

/** Ends a lab, also one that a killed process left, and notes what it took from the index. */
export async function endLab(engine: Engine, folder: LabFolder): Promise<void> {
  if ((await engine.observe(id)) === undefined) return;
  await keepFetched(folder, (await engine.fetched?.(id)) ?? []);
  await engine.remove(id, graceMs);
}

/** Whose lab it is that a killed process left: the key of its folder. */
export async function leftLab(engine: Engine): Promise<string | undefined> {
  return (await engine.observe(id))?.labels['folder'];
}

async function workloadOf(request: LabRequest, token: string): Promise<Workload> {
  const { path, folder } = request;
  const kept: WorkloadFolder = { source: folder.kept, path: '/home/galley/.local', readonly: false };
  return {
    id,
    project: request.project,
    image: request.image,
    command: [],
    env: { JUPYTER_TOKEN_FILE: tokenFile, PIP_NO_CACHE_DIR: '1' },
    // Without a folder of the host its own /home/galley/app is written to, on a disk that goes with it.
    rootfs: path === undefined ? 'writable' : 'readonly',
    limits: { ...request.limits, pids: 2048, openFiles: 16_384, diskBytes: 4 * 1024 ** 3 },
    files: {},
    secrets: { [tokenFile]: token },
    tmpfs: ['/home/galley/.cache', '/home/galley/.config'],
    folders: [kept, ...(path === undefined ? [] : await hostFolders(path))],
    ports: [labPort],
    egress: { index: true, hosts: request.hosts },
    labels: { folder: folder.key },
  };
}

/**
 * The folder itself, and shut within it what git reads: hooks and configuration of `.git` are programs that git starts on the host (ADR 0095). Not one
 * that is a link: where it leads may lie anywhere.
 */
async function hostFolders(path: string): Promise<readonly WorkloadFolder[]> {
  const app: WorkloadFolder = { source: path, path: '/home/galley/app', readonly: false };
  const git = await lstat(join(path, '.git')).catch(() => undefined);
  if (git === undefined || !(git.isDirectory() || git.isFile())) return [app];
  return [app, { source: join(path, '.git'), path: '/home/galley/app/.git', readonly: true }];
}

async function untilAnswers(engine: Engine, signal: AbortSignal): Promise<void> {
  const deadline = performance.now() + answerWithinMs;
  while (performance.now() < deadline) {
    const status = await engine.observe(id);
    if (status?.phase !== 'running') throw await failed(engine, status);
    // Any answer: it refuses a host that is not this machine's, which is the forwarder's affair.
    const answer = dialRequest(engine, id, labPort, {
      path: '/api',
      timeoutMs: 5_000,
      bytesMax: 65_536,
      signal,
    });
    if ((await answer.catch(() => undefined)) !== undefined) return;
    await sleep(lookMs, undefined, { signal });
  }
  throw await failed(engine, await engine.observe(id));
}

async function untilEnds(engine: Engine, signal: AbortSignal): Promise<WorkloadStatus | undefined> {
  for await (const status of engine.watch(signal))
    if (status.id === id && status.phase !== 'running') return status;
  return undefined;
}

async function failed(engine: Engine, status: WorkloadStatus | undefined): Promise<GalleyError> {
  const lines: string[] = [];
  for await (const { text } of engine.logs(id)) lines.push(text);
  const said = lines.slice(-lastLines).join(' / ');
  const why = [status?.reason, status?.message, said].filter((part) => (part ?? '') !== '').join(': ');
  return new GalleyError('LAB_FAILED', `JupyterLab did not start: ${why === '' ? 'it said nothing' : why}`, {
    hint: 'galley lab --reset starts without what was installed before; galley doctor checks the machine.',
    details: { phase: status?.phase ?? 'gone', said: lines.slice(-50) },
  });
}
