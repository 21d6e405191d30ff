import { createHash } from 'node:crypto';
import { join } from 'node:path';

/**
 * Where everything of one engine lies. `root` is kept (records, logs, snapshots, disks); `run` holds sockets, mounts
 * and runc's own state and means nothing after a reboot. The mounts are not under `root` because runc's init enters
 * them as the mapped user, who may not pass a home directory of mode 0700 (engine.md §1.2).
 */
export interface Layout {
  readonly root: string;
  readonly run: string;
  /** 8 hexadecimal digits of the root's hash: keeps two engines of one machine apart in cgroups and uids. */
  readonly instance: string;
  readonly snapshots: string;
  readonly tmp: string;
  readonly projects: string;
  readonly workloads: string;
  readonly runcState: string;
  readonly exits: string;
  readonly groups: string;
  readonly running: string;
  /** Mounts of the host's folders. Nothing in it is ever removed but by `rmdir`. */
  readonly folders: string;
}

/** The layout of the engine at `root`; `runtimeBase` is normally `/run/galley`. */
export function layoutOf(root: string, runtimeBase: string): Layout {
  const instance = createHash('sha256').update(root).digest('hex').slice(0, 8);
  const run = join(runtimeBase, instance);
  return {
    root,
    run,
    instance,
    snapshots: join(root, 'snapshots'),
    tmp: join(root, 'tmp'),
    projects: join(root, 'projects.json'),
    workloads: join(root, 'workloads'),
    runcState: join(run, 'runc'),
    exits: join(run, 'exit'),
    groups: join(run, 'group'),
    running: join(run, 'w'),
    folders: join(run, 'folder'),
  };
}

/** Where one workload lies. */
export interface WorkloadPaths {
  /** Kept until `remove`. */
  readonly kept: string;
  readonly record: string;
  readonly log: string;
  readonly logOld: string;
  readonly fetched: string;
  readonly diskImage: string;
  /** Gone at `remove`, and worthless after a reboot. */
  readonly run: string;
  readonly bundle: string;
  readonly rootfs: string;
  readonly disk: string;
  readonly lower: string;
  readonly sockets: string;
  readonly secrets: string;
  readonly folders: string;
  readonly exit: string;
}

/** Paths of the workload `id`, which `checkWorkload` has passed. */
export function workloadPaths(layout: Layout, id: string): WorkloadPaths {
  const kept = join(layout.workloads, id);
  const run = join(layout.running, id);
  return {
    kept,
    record: join(kept, 'record.json'),
    log: join(kept, 'log'),
    logOld: join(kept, 'log.1'),
    fetched: join(kept, 'fetched.jsonl'),
    diskImage: join(kept, 'disk.img'),
    run,
    bundle: join(run, 'bundle'),
    rootfs: join(run, 'rootfs'),
    disk: join(run, 'disk'),
    lower: join(run, 'lower'),
    // On the workload's own disk: it may write what it likes there, and must not fill the host's.
    sockets: join(run, 'disk', 'sock'),
    secrets: join(run, 'secrets'),
    folders: join(layout.folders, id),
    exit: join(layout.exits, id),
  };
}
