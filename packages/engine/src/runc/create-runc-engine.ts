import { readFile } from 'node:fs/promises';
import type { ImageStore } from '@galley/image/store';
import type { Engine } from '../engine.ts';
import { readCgroupHierarchy } from './cgroup/hierarchy.ts';
import type { Host } from './host.ts';
import { openProjectUids } from './identity.ts';
import { checkIsolation } from './isolation.ts';
import { layoutOf } from './layout.ts';
import { makeDirectories } from './lifecycle/directories.ts';
import { recover } from './lifecycle/recover.ts';
import { NoIsolationEngine } from './no-isolation-engine.ts';
import { Doors } from './network/doors.ts';
import { readHostLimits } from './oci/host-limits.ts';
import { flattenSeccomp, seccompProfilePath } from './oci/seccomp.ts';
import { findProgram } from './process/find-program.ts';
import { openRunc } from './process/runc.ts';
import { openSnapshots } from './rootfs/snapshots.ts';
import { RuncEngine } from './runc-engine.ts';
import { WorkloadTable } from './workload-table.ts';

export interface RuncEngineOptions {
  /** Directory of the engine under GALLEY_HOME: records, logs, snapshots, disks. One owner at a time. */
  readonly root: string;
  readonly store: ImageStore;
  /** Package indexes that `egress.index` reaches, first first; default: what pip and uv on this machine use. */
  readonly indexUpstreams?: readonly string[];
  /** `host:port` of private addresses that workloads may be allowed to reach, asked at each request; default: none. */
  readonly privateHosts?: () => Promise<readonly string[]>;
  /** Parent of sockets, mounts and runc's state. Default `/run/galley`; the image's root must be able to pass it. */
  readonly runtimeBase?: string;
  /** Milliseconds since the epoch. */
  readonly clock?: () => number;
}

/**
 * Opens the engine: finds again what an earlier owner left (`lifecycle/recover.ts`). On a machine that cannot isolate it
 * opens too, and its workloads stay pending with reason `NoIsolation`.
 */
export async function createRuncEngine(options: RuncEngineOptions): Promise<Engine> {
  const isolation = checkIsolation();
  const runcPath = findProgram('runc');
  if (isolation.missing !== undefined || runcPath === undefined) return new NoIsolationEngine(isolation);
  const layout = layoutOf(options.root, options.runtimeBase ?? '/run/galley');
  await makeDirectories(layout);
  const now = options.clock ?? Date.now;
  const table = new WorkloadTable(layout);
  const host: Host = {
    layout,
    store: options.store,
    snapshots: openSnapshots(layout, options.store),
    uids: await openProjectUids(layout.projects, layout.instance),
    runc: openRunc(runcPath, layout.runcState),
    cgroups: readCgroupHierarchy(),
    limits: readHostLimits(),
    seccomp: flattenSeccomp(await readFile(seccompProfilePath, 'utf8'), process.arch),
    egress: new Doors({
      table,
      indexUpstreams: options.indexUpstreams,
      privateHosts: options.privateHosts ?? (() => Promise.resolve([])),
      now,
    }),
    init: findProgram('tini-static'),
    now,
  };
  await recover(host, table);
  return new RuncEngine(host, table, isolation);
}
