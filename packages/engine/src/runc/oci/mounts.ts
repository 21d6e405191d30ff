import type { Workload } from '../../engine.ts';

/** A mount of the OCI runtime specification. */
export interface OciMount {
  readonly destination: string;
  readonly type: string;
  readonly source: string;
  readonly options: readonly string[];
}

/** Host paths that are mounted in. */
export interface MountSources {
  readonly sockets: string;
  readonly out: string;
  /** Of a writable workload: /tmp lies on its disk, because a build unpacks more than fits into memory. With a `user` it is the root's own. */
  readonly tmp: string | undefined;
  /** Host file of each secret by path inside. */
  readonly secrets: Readonly<Record<string, string>>;
  readonly init: string | undefined;
  /** Where each of the workload's folders is mounted, in their order. */
  readonly folders: readonly string[];
}

/** Path inside of the program that is process 1: it hands signals on and reaps (engine.md §1.5). */
export const initPath = '/run/.galley-init';

const mebibyte = 1024 * 1024;
const safe = ['nosuid', 'nodev'];

/** Everything that is mounted over the root filesystem, in order: later ones lie on top. */
export function mountsOf(workload: Workload, uid: number, sources: MountSources): OciMount[] {
  const { memoryBytes, diskBytes } = workload.limits;
  // Pages of a tmpfs count as memory of the workload, so half of it is the most that makes sense.
  const large = Math.max(mebibyte, Math.min(diskBytes, Math.floor(memoryBytes / 2)));
  const small = Math.min(large, 16 * mebibyte);
  const tmpfs = (destination: string, size: number, ...options: string[]): OciMount => ({
    destination,
    type: 'tmpfs',
    source: 'tmpfs',
    options: [...safe, `size=${size}`, ...options],
  });
  const bind = (destination: string, source: string, ...options: string[]): OciMount => ({
    destination,
    type: 'bind',
    source,
    options: ['bind', ...safe, ...options],
  });
  return [
    { destination: '/proc', type: 'proc', source: 'proc', options: [...safe, 'noexec'] },
    {
      destination: '/dev',
      type: 'tmpfs',
      source: 'tmpfs',
      options: ['nosuid', 'mode=755', `size=${mebibyte}`],
    },
    {
      destination: '/dev/pts',
      type: 'devpts',
      source: 'devpts',
      options: ['nosuid', 'noexec', 'newinstance', 'ptmxmode=0666', 'mode=0620'],
    },
    tmpfs('/dev/shm', large, 'noexec', 'mode=1777'),
    { destination: '/dev/mqueue', type: 'mqueue', source: 'mqueue', options: [...safe, 'noexec'] },
    { destination: '/sys', type: 'sysfs', source: 'sysfs', options: [...safe, 'noexec', 'ro'] },
    ...(workload.user === undefined
      ? [sources.tmp === undefined ? tmpfs('/tmp', large, 'mode=1777') : bind('/tmp', sources.tmp, 'rw')]
      : []),
    tmpfs('/run', small, 'mode=775'),
    ...workload.tmpfs
      .filter((path) => !['/tmp', '/run', '/dev/shm'].includes(path))
      .map((path) => tmpfs(path, large, 'mode=770', `uid=${uid}`, 'gid=0')),
    ...(sources.init === undefined ? [] : [bind(initPath, sources.init, 'ro')]),
    bind('/run/galley', sources.sockets, 'rw', 'noexec'),
    bind('/galley/out', sources.out, 'rw'),
    ...(workload.folders ?? []).map(({ path, readonly }, index) =>
      // Mounted for it, one for each.
      bind(path, sources.folders[index] as string, readonly ? 'ro' : 'rw'),
    ),
    ...Object.entries(sources.secrets).map(([path, source]) => bind(path, source, 'ro', 'noexec')),
  ];
}

/** Parts of /proc and /sys that show or change the host (engine.md §1.2). */
export const maskedPaths = [
  '/proc/acpi',
  '/proc/asound',
  '/proc/interrupts',
  '/proc/kcore',
  '/proc/keys',
  '/proc/latency_stats',
  '/proc/sched_debug',
  '/proc/scsi',
  '/proc/timer_list',
  '/proc/timer_stats',
  '/sys/devices/virtual/powercap',
  '/sys/firmware',
];

export const readonlyPaths = ['/proc/bus', '/proc/fs', '/proc/irq', '/proc/sys', '/proc/sysrq-trigger'];
