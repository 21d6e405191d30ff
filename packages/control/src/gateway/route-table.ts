/** The routing file as control writes it and the gateway reads it (`routes.json`). */
export interface RouteTable {
  readonly schema: 'galley.dev/routes/v1';
  /** Grows with every table; the gateway tells which one it uses. */
  readonly version: number;
  readonly applications: readonly ApplicationRoute[];
}

export interface ApplicationRoute {
  readonly project: string;
  readonly name: string;
  /** The uid of the revision that serves; requests are counted under it. */
  readonly revision: string;
  /** Replicas that are ready; none: 503. */
  readonly targets: readonly Target[];
}

export interface Target {
  /** The workload. */
  readonly id: string;
  /** Its Unix socket. */
  readonly socket: string;
}

/** Before the first table. */
export const emptyTable: RouteTable = { schema: 'galley.dev/routes/v1', version: 0, applications: [] };

/** Reads a table. Control wrote it and renamed it into place, so that anything odd is a fault and no reason to guess. */
export function parseRouteTable(text: string): RouteTable {
  const table: unknown = JSON.parse(text);
  if (typeof table !== 'object' || table === null || !('schema' in table))
    throw new Error('no routing table');
  if (table.schema !== 'galley.dev/routes/v1') throw new Error(`unknown schema ${String(table.schema)}`);
  // One writer, of the same release.
  return table as RouteTable;
}
