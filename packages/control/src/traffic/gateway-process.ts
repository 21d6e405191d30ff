import { spawn, type ChildProcess } from 'node:child_process';
import { closeSync, openSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { Type, type Static } from 'typebox';
import { Check } from 'typebox/value';
import { GalleyError } from '@galley/api/error/galley-error';
import type { GatewayState } from '../gateway/admin.ts';
import { gatewayMayStay, type GatewayConfig } from '../gateway/config.ts';
import type { Identity } from '../gateway/privileges.ts';
import { identifyProcess, processLives, type ProcessIdentity } from '@galley/image/lease/process-identity';
import { replaceFile } from '../owner/replace-file.ts';
import { askGatewayState } from './gateway-client.ts';

const startMs = 15_000;
/** Longer than the gateway's own drain. */
const stopMs = 30_000;
const portTakenExitCode = 98;

/** What control writes down of the process, to find it again after its own death. */
const Record = Type.Object({
  schema: Type.Literal('galley.dev/gateway/v1'),
  pid: Type.Integer(),
  startTicks: Type.String(),
  bootId: Type.String(),
  /** The port that was asked for; 0: any. */
  asked: Type.Integer(),
});
type Record = Static<typeof Record>;

export interface GatewayOptions {
  /** The gateway's folder in GALLEY_HOME. */
  readonly folder: string;
  /** 0: any free one. */
  readonly port: number;
  /** What to run under; absent: as this process. */
  readonly identity?: Identity;
}

/** A gateway that runs. */
export interface RunningGateway {
  readonly process: ProcessIdentity;
  readonly port: number;
  /** True when it was there already. */
  readonly adopted: boolean;
}

export function adminSocket(folder: string): string {
  return join(folder, 'admin.sock');
}

/**
 * The gateway of an earlier life of control if it still answers and was asked for the same port, else a new one; `port` is where that listens
 * when it takes the place of one that died. Throws `PORT_IN_USE`, `GATEWAY_FAILED`.
 */
export async function startGateway(options: GatewayOptions, port = options.port): Promise<RunningGateway> {
  const former = readRecord(options.folder);
  if (former !== undefined && processLives(former)) {
    const state = await askGatewayState(adminSocket(options.folder)).catch(() => undefined);
    if (state !== undefined && former.asked === options.port) {
      return { process: former, port: state.port, adopted: true };
    }
    await stopGateway(former);
  }
  return launch(options, port);
}

/** Lets requests under way end, then ends the process. */
export async function stopGateway(identity: ProcessIdentity): Promise<void> {
  if (!processLives(identity)) return;
  process.kill(identity.pid, 'SIGTERM');
  const deadline = performance.now() + stopMs;
  while (processLives(identity)) {
    if (performance.now() > deadline) {
      process.kill(identity.pid, 'SIGKILL');
      return;
    }
    await delay(20);
  }
}

async function launch(options: GatewayOptions, port: number): Promise<RunningGateway> {
  const { folder } = options;
  rmSync(adminSocket(folder), { force: true });
  const logPath = join(folder, 'gateway.log');
  const log = openSync(logPath, 'a', 0o600);
  const config: GatewayConfig = {
    folder,
    port,
    ...(options.identity === undefined ? {} : { identity: options.identity }),
  };
  const main = fileURLToPath(new URL('../gateway/main.ts', import.meta.url));
  // A small young generation: the gateway copies bytes and keeps nothing (150 MB at rest with control, issue 3).
  const flags = ['--max-semi-space-size=1', '--max-old-space-size=256'];
  const child = spawn(process.execPath, [...flags, main, JSON.stringify(config)], {
    cwd: folder,
    // Of a session of its own: Ctrl-C in a terminal is for control, which ends it in order.
    detached: true,
    stdio: ['pipe', log, log],
    env: cacheEnvironment(process.env),
  });
  closeSync(log);
  child.unref();
  const identity = identifyProcess(child.pid ?? -1);
  if (identity !== undefined)
    writeRecord(folder, { schema: 'galley.dev/gateway/v1', ...identity, asked: options.port });
  // Only now: a gateway that is not written down, because we were killed, would never be found again, and ends by itself.
  child.stdin?.on('error', () => undefined);
  child.stdin?.end(gatewayMayStay);
  const state = await untilAnswers(child, folder, port, logPath);
  if (identity === undefined) throw gatewayFailed(logPath, 'ended at once');
  return { process: identity, port: state.port, adopted: false };
}

/** Nothing of ours but where Node keeps compiled code: 20 MB less to be resident. */
function cacheEnvironment(env: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
  const folder = env['NODE_COMPILE_CACHE'];
  return folder === undefined ? {} : { NODE_COMPILE_CACHE: folder };
}

async function untilAnswers(
  child: ChildProcess,
  folder: string,
  port: number,
  logPath: string,
): Promise<GatewayState> {
  let failure: unknown;
  child.once('error', (error) => (failure = error));
  const deadline = performance.now() + startMs;
  while (performance.now() < deadline) {
    if (child.exitCode === portTakenExitCode) throw portInUse(port);
    if (failure !== undefined || child.exitCode !== null)
      throw gatewayFailed(logPath, 'did not start', failure);
    const state = await askGatewayState(adminSocket(folder)).catch(() => undefined);
    if (state !== undefined) return state;
    await delay(20);
  }
  child.kill('SIGKILL');
  throw gatewayFailed(logPath, `did not answer within ${startMs} ms`);
}

function readRecord(folder: string): Record | undefined {
  try {
    const content: unknown = JSON.parse(readFileSync(join(folder, 'gateway.json'), 'utf8'));
    return Check(Record, content) ? content : undefined;
  } catch {
    return undefined;
  }
}

function writeRecord(folder: string, record: Record): void {
  replaceFile(join(folder, 'gateway.json'), `${JSON.stringify(record)}\n`, 0o600);
}

function portInUse(port: number): GalleyError {
  return new GalleyError(
    'PORT_IN_USE',
    `The gateway cannot listen on 127.0.0.1:${port}: the port is taken.`,
    {
      details: { port },
      hint: `ss -ltnp 'sport = :${port}' shows by whom; GALLEY_GATEWAY_PORT=0 takes any free one.`,
    },
  );
}

/** The error of a gateway that does not do what it should; names its log. */
export function gatewayFailed(logPath: string, why: string, cause?: unknown): GalleyError {
  return new GalleyError('GATEWAY_FAILED', `The gateway ${why}.`, { hint: `Its log: ${logPath}`, cause });
}
