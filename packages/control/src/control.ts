import { join } from 'node:path';
import type { ServerInfo } from '@galley/api/http/messages';
import type { KindName } from '@galley/api/kind/kinds';
import type { Engine } from '@galley/engine/engine';
import type { ImageStore } from '@galley/image/store';
import { actOnApplication } from './kind/application/act.ts';
import { observeApplication } from './kind/application/observe.ts';
import { planApplication } from './kind/application/plan.ts';
import { actOnBuild } from './kind/build/act.ts';
import { BuildRunner, type RunBuild } from './kind/build/build-runner.ts';
import { observeBuild } from './kind/build/observe.ts';
import { planBuild } from './kind/build/plan.ts';
import { reconcileWith } from './kind/controller.ts';
import { observeMonitor } from './kind/monitor/observe.ts';
import { planMonitor } from './kind/monitor/plan.ts';
import { actOnRevision } from './kind/revision/act.ts';
import { observeRevision } from './kind/revision/observe.ts';
import { planRevision } from './kind/revision/plan.ts';
import { MonitorDesk } from './monitor/monitor-desk.ts';
import type { HomeLayout } from './owner/home.ts';
import type { Clock } from './reconcile/clock.ts';
import { Driver } from './reconcile/driver.ts';
import { servicePort } from './replica/health.ts';
import type { Stores } from './store/open-stores.ts';
import type { Traffic } from './traffic/traffic.ts';
import { relaySignals } from './relay-signals.ts';

export interface ControlOptions {
  readonly layout: HomeLayout;
  readonly stores: Stores;
  readonly engine: Engine;
  readonly images: ImageStore;
  readonly traffic: Traffic;
  readonly gatewayPort: () => number;
  readonly runBuild: RunBuild;
  readonly clock: Clock;
  /** Told of every reconcile that threw. */
  readonly onError: (controller: string, key: string, error: unknown) => void;
}

/** The reconcilers of one home, running. */
export interface Control {
  readonly monitors: MonitorDesk;
  /** Aborts reconciles and builds and waits for them; workloads go on. */
  close(): Promise<void>;
}

/** Reconciles at once: they wait for processes and sockets most of the time. */
const concurrency = 8;

/** Wires stores, engine and traffic into reconcilers and lets them run. Knows no adapter. */
export function startControl(options: ControlOptions): Control {
  const { stores, engine, images, traffic, clock } = options;
  const { objects, events, secrets, counts } = stores;
  const driver = new Driver({ clock, concurrency, onError: options.onError });
  const desk = new MonitorDesk({ objects, counts, engine, images, traffic });
  const closing = new AbortController();
  const runner = new BuildRunner({
    runBuild: options.runBuild,
    context: { store: images, engine, cacheDir: options.layout.cache, now: clock.now },
    onEnd: (uid) => void signalBuild(options, driver, uid),
  });
  const socketOf = (workload: string): string | undefined => engine.socketPath?.(workload, servicePort);
  const now = (): number => clock.now();
  const gone = (kind: KindName) => (key: string) => driver.forget(kind, key);

  driver.register(
    'Application',
    reconcileWith(
      {
        kind: 'Application',
        observe: (application) =>
          observeApplication(application, { objects, traffic, socketOf, gatewayPort: options.gatewayPort }),
        plan: planApplication,
        act: (action, observed) => actOnApplication(action, observed, { objects, traffic }),
      },
      objects,
      now,
      gone('Application'),
    ),
  );
  driver.register(
    'Build',
    reconcileWith(
      {
        kind: 'Build',
        observe: async (build) => observeBuild(build, runner, events),
        plan: planBuild,
        act: (action, observed) => actOnBuild(action, observed, { objects, events, secrets, runner, now }),
      },
      objects,
      now,
      gone('Build'),
    ),
  );
  const revisionParts = {
    objects,
    engine,
    secrets,
    monitors: counts,
    collectLast: desk.collectLast.bind(desk),
  };
  driver.register(
    'Revision',
    reconcileWith(
      {
        kind: 'Revision',
        observe: (revision, signal) => observeRevision(revision, { objects, engine, traffic }, signal),
        plan: planRevision,
        act: (action, observed, signal) => actOnRevision(action, observed, revisionParts, signal),
      },
      objects,
      now,
      gone('Revision'),
    ),
  );
  driver.register(
    'Monitor',
    reconcileWith(
      {
        kind: 'Monitor',
        observe: (monitor) => observeMonitor(monitor, desk),
        plan: planMonitor,
        act: async () => undefined,
      },
      objects,
      now,
      gone('Monitor'),
    ),
  );
  const relays = relaySignals({ objects, engine, driver, signal: closing.signal, onError: options.onError });
  return {
    monitors: desk,
    async close() {
      closing.abort();
      await runner.close();
      await driver.close();
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
