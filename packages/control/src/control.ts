import { join } from 'node:path';
import type { ServerInfo } from '@galley/api/http/messages';
import type { Engine } from '@galley/engine/engine';
import type { ImageStore } from '@galley/image/store';
import { BuildRunner, type RunBuild } from './kind/build/build-runner.ts';
import { MonitorDesk } from './monitor/monitor-desk.ts';
import { removeOrphans } from './orphans.ts';
import type { HomeLayout } from './owner/home.ts';
import type { Clock } from './reconcile/clock.ts';
import { Driver } from './reconcile/driver.ts';
import type { Stores } from './store/open-stores.ts';
import type { Traffic } from './traffic/traffic.ts';
import { registerKinds } from './register-kinds.ts';
import { relaySignals } from './relay-signals.ts';

export interface ControlOptions {
  readonly layout: HomeLayout;
  readonly stores: Stores;
  readonly engine: Engine;
  /** The operator's private addresses that a source may lead to. */
  readonly privateHosts: () => Promise<readonly string[]>;
  readonly images: ImageStore;
  readonly traffic: Traffic;
  readonly gatewayPort: () => number;
  readonly runBuild: RunBuild;
  readonly clock: Clock;
  /** Told of every reconcile that threw. */
  readonly onError: (controller: string, key: string, error: unknown) => void;
}

/** The reconcilers of one home. */
export interface Control {
  readonly monitors: MonitorDesk;
  /** Lets the reconcilers go to work. Until then nothing is started, stopped or routed. */
  run(): void;
  /** Aborts reconciles and builds and waits for them; workloads go on. */
  close(): Promise<void>;
}

/** Reconciles at once: they wait for processes and sockets most of the time. */
const concurrency = 8;

/** Wires stores, engine and traffic into reconcilers. Knows no adapter. */
export function createControl(options: ControlOptions): Control {
  const { stores, engine, images, traffic, clock } = options;
  const { objects, counts, decisions } = stores;
  const driver = new Driver({ clock, concurrency, onError: options.onError });
  const now = (): number => clock.now();
  const desk = new MonitorDesk({ objects, counts, decisions, engine, images, traffic, now });
  const closing = new AbortController();
  const runner = new BuildRunner({
    runBuild: options.runBuild,
    context: {
      store: images,
      engine,
      cacheDir: options.layout.cache,
      privateHosts: options.privateHosts,
      now: () => clock.now(),
    },
    onEnd: (uid) => void signalBuild(options, driver, uid),
  });
  registerKinds(driver, { options, desk, runner });
  let relays: Promise<unknown> | undefined;
  return {
    monitors: desk,
    run() {
      const { signal } = closing;
      const { onError } = options;
      const orphans = removeOrphans(engine, objects).catch((error: unknown) =>
        onError('engine', 'orphans', error),
      );
      relays = Promise.all([
        orphans.then(() => relaySignals({ objects, engine, driver, signal, onError })),
        traffic.keepGateway(signal, (error) => onError('gateway', 'process', error)),
      ]);
    },
    async close() {
      closing.abort();
      // The driver first: a build that is stopped here must stay `Running`, so that the next start runs it again.
      await driver.close();
      await runner.close();
      await relays;
    },
  };
}

async function signalBuild({ stores }: ControlOptions, driver: Driver, uid: string): Promise<void> {
  const { items } = await stores.objects.list('Build');
  for (const build of items) {
    // The one that ended, and those that wait for its place.
    if (build.metadata.uid === uid || build.status.phase === 'Pending') {
      driver.signal('Build', `${build.metadata.namespace}/${build.metadata.name}`);
    }
  }
}

/** What the API says of the server. */
export function serverInfo(
  options: Pick<ControlOptions, 'layout' | 'engine'>,
  facts: Pick<ServerInfo, 'version' | 'startedAt' | 'api' | 'gateway'>,
): Promise<ServerInfo> {
  return options.engine
    .isolation()
    .then((isolation) => ({ ...facts, pid: process.pid, home: join(options.layout.root), isolation }));
}
