import type { GalleyEvent } from '../event.ts';
import type { LogEntry, PathFunction, PruneAnswer, ServerInfo, SecretInfo } from './messages.ts';
import type { KindName, KindTypes } from '../kind/kinds.ts';
import type { Decision, DecisionInput } from '../kind/decision.ts';
import type { Coverage, MonitorStatus } from '../kind/monitor.ts';
import type { RecordBucket, RecordEnd, RecordHead } from './verdict-record.ts';

/** The root of Galley's API group; objects lie under `namespaces/{project}/{plural}/{name}` as Kubernetes lays them. */
export const apiRoot = '/apis/galley.dev/v1alpha1';

/**
 * Every endpoint that is not plain reading and writing of objects. `stream: 'ndjson'` answers one JSON value a line
 * until the end or until the client hangs up. Path parameters are in braces.
 */
export const endpoints = {
  serverInfo: { method: 'GET', path: `${apiRoot}/server` },
  serverStop: { method: 'POST', path: `${apiRoot}/server/stop` },
  upload: { method: 'PUT', path: `${apiRoot}/namespaces/{project}/uploads/{digest}` },
  buildEvents: {
    method: 'GET',
    path: `${apiRoot}/namespaces/{project}/builds/{name}/events`,
    stream: 'ndjson',
  },
  buildReport: { method: 'GET', path: `${apiRoot}/namespaces/{project}/builds/{name}/report` },
  buildRecord: { method: 'GET', path: `${apiRoot}/namespaces/{project}/builds/{name}/records/{record}` },
  buildCancel: { method: 'POST', path: `${apiRoot}/namespaces/{project}/builds/{name}/cancel` },
  applicationLogs: {
    method: 'GET',
    path: `${apiRoot}/namespaces/{project}/applications/{name}/logs`,
    stream: 'ndjson',
  },
  applicationInspect: { method: 'GET', path: `${apiRoot}/namespaces/{project}/applications/{name}/inspect` },
  monitorStatus: { method: 'GET', path: `${apiRoot}/namespaces/{project}/monitors/{name}/window` },
  monitorPaths: { method: 'GET', path: `${apiRoot}/namespaces/{project}/monitors/{name}/paths` },
  monitorRecord: {
    method: 'GET',
    path: `${apiRoot}/namespaces/{project}/monitors/{name}/record`,
    stream: 'ndjson',
  },
  monitorDecide: { method: 'POST', path: `${apiRoot}/namespaces/{project}/monitors/{name}/decisions` },
  secretList: { method: 'GET', path: `${apiRoot}/namespaces/{project}/secrets` },
  secretPut: { method: 'PUT', path: `${apiRoot}/namespaces/{project}/secrets/{name}` },
  secretDelete: { method: 'DELETE', path: `${apiRoot}/namespaces/{project}/secrets/{name}` },
  imageTag: { method: 'PUT', path: `${apiRoot}/images/tags/{name}` },
  imageUntag: { method: 'DELETE', path: `${apiRoot}/images/tags/{name}` },
  imageAttach: { method: 'POST', path: `${apiRoot}/images/attach` },
  imagePrune: { method: 'POST', path: `${apiRoot}/images/prune` },
} as const satisfies Record<string, { method: string; path: string; stream?: 'ndjson' }>;

export type EndpointName = keyof typeof endpoints;

/** An object without members. */
export type Nothing = Readonly<Record<string, never>>;

/** What each endpoint takes as query and body, and what it answers (one item, for streams). */
export interface EndpointTypes {
  serverInfo: { query: Nothing; body: undefined; answer: ServerInfo };
  /** `keep`: workloads go on. */
  serverStop: { query: Nothing; body: { keep: boolean }; answer: Nothing };
  /** The tar of a directory, hashed again by the server; at most 1 GiB. */
  upload: { query: Nothing; body: Uint8Array | ReadableStream; answer: { digest: string } };
  /** `follow=true` goes on until the build ends. */
  buildEvents: { query: { follow?: 'true' }; body: undefined; answer: GalleyEvent };
  /** The lines of report.jsonl (docs/design/wire.md). */
  buildReport: { query: Nothing; body: undefined; answer: { lines: readonly unknown[] } };
  /** `report`, `executedNotebook`, `reference`, `schema`, `golden`, `model`, `recipe`: the blob's JSON. */
  buildRecord: { query: Nothing; body: undefined; answer: unknown };
  buildCancel: { query: Nothing; body: undefined; answer: Nothing };
  applicationLogs: { query: { follow?: 'true'; since?: string }; body: undefined; answer: LogEntry };
  applicationInspect: {
    query: Nothing;
    body: undefined;
    answer: { replica: string; inspection: unknown };
  };
  /** Distances over an event-time window: RFC 3339 `from` (inclusive) and `to` (exclusive); absent: everything. */
  monitorStatus: { query: { from?: string; to?: string }; body: undefined; answer: MonitorStatus };
  monitorPaths: {
    query: { from?: string; to?: string };
    body: undefined;
    answer: { functions: readonly PathFunction[]; coverage: Coverage | null };
  };
  /** All that the verdict follows from: its head, a line for each bucket that was judged in the order of time, and its end. */
  monitorRecord: { query: Nothing; body: undefined; answer: RecordHead | RecordBucket | RecordEnd };
  monitorDecide: { query: Nothing; body: DecisionInput; answer: Decision };
  /** Names only; values are never read back. */
  secretList: { query: Nothing; body: undefined; answer: { items: readonly SecretInfo[] } };
  secretPut: { query: Nothing; body: { value: string }; answer: SecretInfo };
  secretDelete: { query: Nothing; body: undefined; answer: Nothing };
  /** Points a tag at a manifest that lies in the store. */
  imageTag: { query: Nothing; body: { digest: string }; answer: Nothing };
  imageUntag: { query: Nothing; body: undefined; answer: Nothing };
  /** Lists a manifest that lies in the store as a referrer of its subject; `subject` tells it where the manifest does not. */
  imageAttach: { query: Nothing; body: { digest: string; subject?: string }; answer: Nothing };
  /** Removes blobs that nothing needs and that nobody has touched for so many milliseconds. */
  imagePrune: { query: Nothing; body: { dryRun: boolean; olderThanMs: number }; answer: PruneAnswer };
}

/** The collection of a kind in a project. */
export function collectionPath(plural: string, project: string): string {
  return `${apiRoot}/namespaces/${encodeURIComponent(project)}/${plural}`;
}

/** One line of a watch, as Kubernetes writes it. */
export interface WatchLine<K extends KindName> {
  readonly type: 'ADDED' | 'MODIFIED' | 'DELETED' | 'BOOKMARK' | 'ERROR';
  readonly object: KindTypes[K];
}
