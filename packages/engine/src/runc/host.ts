import type { ImageStore } from '@galley/image/store';
import type { CgroupHierarchy } from './cgroup/hierarchy.ts';
import type { ProjectUids } from './identity.ts';
import type { Layout } from './layout.ts';
import { releaseRuntimeDirectory } from './lifecycle/directories.ts';
import type { Egress } from './network/egress.ts';
import type { HostLimits } from './oci/host-limits.ts';
import type { OciSeccomp } from './oci/seccomp.ts';
import type { Runc } from './process/runc.ts';
import type { Snapshots } from './rootfs/snapshots.ts';

/** What the life of a workload needs of the machine; made once, when the engine is opened. */
export interface Host {
  readonly layout: Layout;
  readonly store: ImageStore;
  readonly snapshots: Snapshots;
  readonly uids: ProjectUids;
  readonly runc: Runc;
  readonly cgroups: CgroupHierarchy;
  readonly limits: HostLimits;
  readonly seccomp: OciSeccomp;
  readonly egress: Egress;
  /** Debian's `tini-static`; undefined where it is not installed: then the command itself is process 1. */
  readonly init: string | undefined;
  /** Milliseconds since the epoch. */
  readonly now: () => number;
}

/** The control group of a workload. The instance keeps two engines of one machine apart. */
export function cgroupsPath(host: Host, project: string, id: string): string {
  return `/galley/${host.layout.instance}/${project}/${id}`;
}

/** Lets go of what the engine holds on the machine for no workload in particular. Workloads go on. */
export async function closeHost(host: Host): Promise<void> {
  await host.egress.closeAll();
  await releaseRuntimeDirectory(host.layout);
}
