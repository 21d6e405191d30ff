import { appendFileSync } from 'node:fs';
import { relative } from 'node:path';
import type { Emit } from '@galley/api/event';
import { createControl, serverInfo, type Control } from './control.ts';
import { openHome, type OwnedHome } from './open-home.ts';
import { identifyProcess } from '@galley/image/lease/process-identity';
import { removeServerFile, writeServerFile } from './owner/server-file.ts';
import { systemClock } from './reconcile/clock.ts';
import { serveApi, type ApiServer } from './server/api-server.ts';
import { openCertificate } from './server/certificate.ts';
import { openToken } from './server/token.ts';
import { openStores, type Stores } from './store/open-stores.ts';
import { servicePort } from './replica/health.ts';
import { socketGroups } from './traffic/socket-groups.ts';
import { Traffic } from './traffic/traffic.ts';

export interface RunServerOptions {
  readonly home: string;
  readonly version: string;
  /** Default 7443; 0: any free one. */
  readonly apiPort?: number;
  /** Default 7080; 0: any free one. */
  readonly gatewayPort?: number;
  readonly emit: Emit;
  /** Ends the server. */
  readonly signal: AbortSignal;
  /** Leave replicas and the gateway running when the signal ends the server. */
  readonly keep?: boolean;
}

/** Nobody: the gateway needs no rights but the groups of replicas' sockets. */
const nobody = 65_534;
const stopGraceMs = 5000;

/**
 * The server of a home, from lock to release: resolves when it has stopped and, unless asked to keep them, everything it ran is gone. One
 * that cannot start leaves everything as it found it: what an earlier server left serving goes on. Throws `HOME_IN_USE`, `PORT_IN_USE`,
 * `GATEWAY_FAILED`.
 */
export async function runServer(options: RunServerOptions): Promise<void> {
  const home = await openHome(options.home, 'server');
  try {
    const stores = openStores(home.layout, Date.now);
    try {
      await serveUntilStopped(options, home, stores);
    } finally {
      stores.close();
    }
  } finally {
    await home.close();
  }
}

async function serveUntilStopped(options: RunServerOptions, home: OwnedHome, stores: Stores): Promise<void> {
  const stop = new AbortController();
  let keep = options.keep ?? false;
  const traffic = new Traffic({
    folder: home.layout.gateway,
    port: options.gatewayPort ?? 7080,
    ...gatewayIdentity(home),
  });
  const gateway = await traffic.ensureGateway();
  const control = createControl({
    ...home,
    stores,
    traffic,
    gatewayPort: () => gateway.port,
    // Loaded with the first build: it takes 20 MB that a server at rest does not need (bench/at-rest.ts).
    runBuild: async (...build) => (await import('@galley/build/build-repository')).buildRepository(...build),
    clock: systemClock,
    onError: faultLog(home),
  });
  const parts = { home, stores, control, gatewayPort: gateway.port };
  const api = await serve(options, parts, (wanted) => {
    keep = wanted;
    stop.abort();
  }).catch(async (error: unknown) => {
    if (!gateway.adopted) await traffic.stop();
    throw error;
  });
  try {
    control.run();
    options.emit({
      object: 'server',
      phase: 'server',
      step: `${api.url}, services at http://127.0.0.1:${gateway.port}`,
      state: 'done',
    });
    await untilAborted(AbortSignal.any([options.signal, stop.signal]));
  } finally {
    removeServerFile(home.layout.serverFile);
    // Both at once: Ctrl-C reaches the programs of a build too, and their end must find reconcilers that no longer listen.
    await Promise.all([control.close(), api.close()]);
    if (!keep) await removeEverything(home, traffic);
  }
}

interface Parts {
  readonly home: OwnedHome;
  readonly stores: Stores;
  readonly control: Control;
  readonly gatewayPort: number;
}

async function serve(
  options: RunServerOptions,
  parts: Parts,
  stop: (keep: boolean) => void,
): Promise<ApiServer> {
  const { home, stores, control } = parts;
  const { layout, engine, images } = home;
  const startedAt = new Date().toISOString();
  const certificate = await openCertificate(layout.tls, Date.now());
  const gateway = `http://127.0.0.1:${parts.gatewayPort}`;
  let url = '';
  const onError = faultLog(home);
  const api = await serveApi(
    {
      ...stores,
      images,
      engine,
      monitors: control.monitors,
      token: openToken(layout.token),
      info: () => serverInfo(home, { version: options.version, startedAt, api: url, gateway }),
      stop,
      onFault: (error, request) => onError('api', request, error),
    },
    { port: options.apiPort ?? 7443, certificate },
  );
  url = api.url;
  const identity = identifyProcess(process.pid);
  if (identity === undefined) throw new Error('this process is not in /proc');
  writeServerFile(layout.serverFile, {
    pid: process.pid,
    startTime: identity.startTicks,
    bootId: identity.bootId,
    startedAt,
    api: url,
    gateway,
    tokenFile: relative(layout.root, layout.token),
    caFile: relative(layout.root, `${layout.tls}/ca.pem`),
  });
  return api;
}

/** Only root can become somebody else; another user's gateway runs as that user. */
function gatewayIdentity({ engine }: OwnedHome): {
  identity?: { uid: number; gid: number; groups: readonly number[] };
} {
  if (process.getuid?.() !== 0) return {};
  const probe = engine.socketPath?.('any', servicePort);
  return { identity: { uid: nobody, gid: nobody, groups: probe === undefined ? [] : socketGroups(probe) } };
}

async function removeEverything({ engine }: OwnedHome, traffic: Traffic): Promise<void> {
  await traffic.stop();
  const workloads = await engine.list();
  await Promise.all(workloads.map(({ id }) => engine.remove(id, stopGraceMs)));
}

/** Faults go to a file of the home, a JSON line each: they are ours to mend, not the user's to read at once. */
function faultLog({ layout }: OwnedHome): (where: string, what: string, error: unknown) => void {
  return (where, what, error) => {
    const text = error instanceof Error ? (error.stack ?? error.message) : String(error);
    const cause = error instanceof Error && error.cause instanceof Error ? error.cause.message : undefined;
    appendFileSync(
      layout.log,
      `${JSON.stringify({ time: new Date().toISOString(), where, what, error: text, cause })}\n`,
      { mode: 0o600 },
    );
  };
}

function untilAborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve();
    // Timers and watches of the reconcilers are not to keep a process alive; this is.
    const alive = setInterval(() => undefined, 60_000);
    signal.addEventListener('abort', () => (clearInterval(alive), resolve()), { once: true });
  });
}
