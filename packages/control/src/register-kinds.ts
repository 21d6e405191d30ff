import type { GalleyError } from '@galley/api/error/galley-error';
import type { KindName } from '@galley/api/kind/kinds';
import type { ControlOptions } from './control.ts';
import { actOnApplication } from './kind/application/act.ts';
import { observeApplication } from './kind/application/observe.ts';
import { planApplication } from './kind/application/plan.ts';
import { actOnBuild } from './kind/build/act.ts';
import type { BuildRunner } from './kind/build/build-runner.ts';
import { observeBuild } from './kind/build/observe.ts';
import { planBuild } from './kind/build/plan.ts';
import { reconcileWith, type Controller } from './kind/controller.ts';
import { observeMonitor } from './kind/monitor/observe.ts';
import { planMonitor } from './kind/monitor/plan.ts';
import { actOnRevision } from './kind/revision/act.ts';
import { observeRevision } from './kind/revision/observe.ts';
import { planRevision } from './kind/revision/plan.ts';
import type { MonitorDesk } from './monitor/monitor-desk.ts';
import type { Driver } from './reconcile/driver.ts';
import { servicePort } from './replica/health.ts';

/** What reconcilers work with. */
export interface KindParts {
  readonly options: Omit<ControlOptions, 'onError' | 'runBuild'>;
  readonly desk: MonitorDesk;
  readonly runner: BuildRunner;
}

/** Gives the driver one reconciler per kind: observe, plan, act. */
export function registerKinds(driver: Driver, parts: KindParts): void {
  const { stores, clock } = parts.options;
  const register = <K extends KindName, Observed, Action>(
    controller: Controller<K, Observed, Action>,
  ): void => {
    const gone = (key: string): void => driver.forget(controller.kind, key);
    driver.register(
      controller.kind,
      reconcileWith(controller, stores.objects, () => clock.now(), gone),
    );
  };
  registerApplication(register, parts);
  registerBuild(register, parts);
  registerRevision(register, parts);
  register({
    kind: 'Monitor',
    observe: (monitor) => observeMonitor(monitor, parts.desk),
    plan: planMonitor,
    act: async () => undefined,
  });
}

type Register = <K extends KindName, Observed, Action>(controller: Controller<K, Observed, Action>) => void;

function registerApplication(register: Register, { options }: KindParts): void {
  const { engine, traffic, gatewayPort } = options;
  const { objects } = options.stores;
  const socketOf = (workload: string): string | undefined => engine.socketPath?.(workload, servicePort);
  register({
    kind: 'Application',
    observe: (application) =>
      observeApplication(application, { objects, engine, traffic, socketOf, gatewayPort }),
    plan: planApplication,
    act: (action, observed) => actOnApplication(action, observed, { objects, engine, traffic }),
  });
}

function registerBuild(register: Register, { options, runner }: KindParts): void {
  const { objects, events, secrets } = options.stores;
  const now = (): number => options.clock.now();
  register({
    kind: 'Build',
    observe: (build) => observeBuild(build, { runner, events, objects }),
    plan: planBuild,
    act: (action, observed) => actOnBuild(action, observed, { objects, events, secrets, runner, now }),
  });
}

function registerRevision(register: Register, { options, desk }: KindParts): void {
  const { engine, traffic } = options;
  const { objects, secrets, counts } = options.stores;
  const refusals = new Map<string, GalleyError>();
  register({
    kind: 'Revision',
    observe: (revision, signal) => observeRevision(revision, { objects, engine, traffic, refusals }, signal),
    plan: planRevision,
    act: (action, observed, signal) =>
      actOnRevision(action, observed, { objects, engine, secrets, monitors: counts, desk, refusals }, signal),
  });
}
