import type { ServerInfo } from '@galley/api/http/messages';
import type { EndpointTypes } from '@galley/api/http/endpoints';
import type { Engine } from '@galley/engine/engine';
import type { ImageStore } from '@galley/image/store';
import type { Decision, DecisionInput } from '@galley/api/kind/decision';
import type { MonitorStatus } from '@galley/api/kind/monitor';
import type { TimeWindow } from '../monitor/window.ts';
import type { BuildEventStore } from '../store/build-event-store.ts';
import type { ObjectStore } from '../store/object-store.ts';
import type { SecretStore } from '../store/secret-store.ts';

/** What the API reads of a monitor; it is collected at the moment of asking. */
export interface MonitorReader {
  window(project: string, name: string, window: TimeWindow): Promise<MonitorStatus>;
  paths(project: string, name: string, window: TimeWindow): Promise<EndpointTypes['monitorPaths']['answer']>;
  record(project: string, name: string): Promise<AsyncIterable<EndpointTypes['monitorRecord']['answer']>>;
  decide(project: string, name: string, input: DecisionInput): Promise<Decision>;
}

/** Everything that stands behind the API. */
export interface ApiContext {
  readonly objects: ObjectStore;
  readonly events: BuildEventStore;
  readonly secrets: SecretStore;
  readonly images: ImageStore;
  readonly engine: Engine;
  readonly monitors: MonitorReader;
  readonly token: string;
  info(): Promise<ServerInfo>;
  /** Asks the process to stop; answers before it does. */
  stop(keep: boolean): void;
  /** Told of every fault of ours. */
  onFault(error: Error, request: string): void;
}
