import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import type { ApplicationRoute, Target } from '../gateway/route-table.ts';
import { processLives } from '@galley/image/lease/process-identity';
import type { MonitorStore } from '../store/monitor-store.ts';
import { askGatewayCounts, askGatewayState } from './gateway-client.ts';
import {
  adminSocket,
  gatewayFailed,
  startGateway,
  stopGateway,
  type GatewayOptions,
  type RunningGateway,
} from './gateway-process.ts';
import { RoutingFile } from './routing-file.ts';

/** How long the gateway may take to use a new table before it is asked again by signal, and before that is a failure. */
const nudgeMs = 500;
const appliedMs = 5000;
/** How often the process is looked after; and how long to wait when it could not be started. */
const lookMs = 500;
const restartMs = 5000;
const dyingMs = 50;
/** Counts are cumulative per minute: read again from a little before the last reading on. */
const countsOverlapMinutes = 2;

/** Where requests go now, as the gateway itself says it. */
export interface ObservedTraffic {
  readonly route: ApplicationRoute | undefined;
  /** The gateway uses the newest table. */
  readonly applied: boolean;
  /** Requests under way by workload. */
  readonly inFlight: Readonly<Record<string, number>>;
}

/** The gateway and its routes, for the reconcilers. */
export class Traffic {
  private readonly options: GatewayOptions;
  private readonly file: RoutingFile;
  private gateway: RunningGateway | undefined;
  private starting: Promise<RunningGateway> | undefined;
  private countedUntil = 0;

  constructor(options: GatewayOptions) {
    this.options = options;
    this.file = new RoutingFile(options.folder);
  }

  /** Adopts or starts the process; starts it anew, on the same port, when it has died. */
  async ensureGateway(): Promise<RunningGateway> {
    if (this.gateway !== undefined && processLives(this.gateway.process)) return this.gateway;
    const port = this.gateway?.port ?? this.options.port;
    this.starting ??= startGateway(this.options, port).finally(() => {
      this.starting = undefined;
    });
    const started = await this.starting;
    this.gateway = started;
    return started;
  }

  /**
   * Looks after the process until the signal fires, and starts it anew when it has died: nothing else would notice before the next
   * change of a route. `onFault` is told when that fails; it is tried again.
   */
  async keepGateway(signal: AbortSignal, onFault: (error: unknown) => void): Promise<void> {
    while (!signal.aborted) {
      const failed = await this.ensureGateway().then(
        () => false,
        (error: unknown) => (onFault(error), true),
      );
      await delay(failed ? restartMs : lookMs, undefined, { signal, ref: false }).catch(() => undefined);
    }
  }

  async observe(project: string, name: string): Promise<ObservedTraffic> {
    const route = this.file.route(project, name);
    const state = await this.ask(askGatewayState);
    // Without a process nothing is under way; the table is used as soon as there is one.
    if (state === undefined) return { route, applied: false, inFlight: {} };
    return { route, applied: state.version >= this.file.version, inFlight: state.inFlight };
  }

  /** Routes an application and waits until the gateway does so. Throws `GATEWAY_FAILED`. */
  async setRoute(
    project: string,
    name: string,
    route: { readonly revision: string; readonly targets: readonly Target[] } | undefined,
  ): Promise<void> {
    this.file.set(project, name, route);
    const { process: identity } = await this.ensureGateway();
    const started = performance.now();
    let nudged = false;
    for (;;) {
      const state = await askGatewayState(adminSocket(this.options.folder));
      if (state.version >= this.file.version) return;
      const waited = performance.now() - started;
      if (waited > appliedMs) {
        throw gatewayFailed(join(this.options.folder, 'gateway.log'), 'does not take over new routes');
      }
      if (waited > nudgeMs && !nudged) {
        nudged = true;
        process.kill(identity.pid, 'SIGHUP');
      }
      await delay(5);
    }
  }

  /** The routes as they are wanted. */
  get routes(): readonly ApplicationRoute[] {
    return this.file.routes;
  }

  /** Reads what the gateway counted into the records. */
  async collectCounts(store: MonitorStore): Promise<void> {
    const answer = await this.ask((socket) => askGatewayCounts(socket, this.countedUntil));
    if (answer === undefined) return;
    const { boot, counts } = answer;
    if (counts.length === 0) return;
    store.keepGatewayCounts(counts.map((count) => ({ ...count, boot })));
    this.countedUntil = Math.max(...counts.map((count) => count.minute)) - countsOverlapMinutes;
  }

  /** Ends the process; requests under way are answered first. */
  async stop(): Promise<void> {
    if (this.gateway !== undefined) await stopGateway(this.gateway.process);
    this.gateway = undefined;
  }

  /** The gateway's answer; undefined: there is no process, or it died while it was asked. */
  private async ask<T>(question: (socket: string) => Promise<T>): Promise<T | undefined> {
    const { gateway } = this;
    if (gateway === undefined || !processLives(gateway.process)) return undefined;
    try {
      return await question(adminSocket(this.options.folder));
    } catch (error) {
      // Its sockets close a moment before it counts as gone.
      await delay(dyingMs);
      if (processLives(gateway.process)) throw error;
      return undefined;
    }
  }
}
