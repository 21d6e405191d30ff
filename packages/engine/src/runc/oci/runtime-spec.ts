import type { RuntimeConfig } from '@galley/image/image';
import type { Workload } from '../../engine.ts';
import { shiftBase, shiftCount } from '../identity.ts';
import type { HostLimits } from './host-limits.ts';
import { initPath, maskedPaths, mountsOf, readonlyPaths, type MountSources } from './mounts.ts';
import type { ImageUser } from '@galley/image/facts/image-user';
import { resourcesOf } from './resources.ts';
import type { OciSeccomp } from './seccomp.ts';
import { refuseSetId } from './set-id.ts';

/** What the specification is made from besides the workload. */
export interface RuntimeSpecInput {
  readonly workload: Workload;
  readonly image: RuntimeConfig;
  /** The project's uid, the same inside and outside. */
  readonly uid: number;
  /** Of a workload with a `user`: who that is. */
  readonly user: ImageUser | undefined;
  /** Host path of the mounted root filesystem. */
  readonly rootfs: string;
  readonly cgroupsPath: string;
  /** Namespace files of a network group that exists already. */
  readonly join: { readonly network: string; readonly user: string } | undefined;
  readonly sources: MountSources;
  readonly host: HostLimits;
  readonly seccomp: OciSeccomp;
  /** True on a host with cgroup v2 only. */
  readonly unified: boolean;
}

/** Kept from the next process on the machine's list of victims, and all before the owner of the engine. */
const oomScoreAdj = 500;

/**
 * What root may do to the files of an image, to take over and to hand on identities as package managers do. Of a container's usual
 * ones these are left out: raw sockets, device nodes, chroot, low ports, file capabilities and audit records.
 */
const rootCapabilities = [
  'CAP_CHOWN',
  'CAP_DAC_OVERRIDE',
  'CAP_FOWNER',
  'CAP_FSETID',
  'CAP_KILL',
  'CAP_SETGID',
  'CAP_SETUID',
];

/**
 * config.json of the OCI runtime specification. Pure: at least as strict as OpenShift's restricted-v2, with a user
 * namespace besides (engine.md §1.2). The process has no uid that any file of the image has, and no capability; only with
 * a `user` it is who the image says, in a namespace that maps the image's ids and no project's (ADR 0085).
 */
export function runtimeSpec(input: RuntimeSpecInput): object {
  const { workload, image, uid, user, host } = input;
  const mappings = [
    { containerID: 0, hostID: shiftBase, size: shiftCount },
    ...(user === undefined ? [{ containerID: uid, hostID: uid, size: 1 }] : []),
  ];
  const held = user?.uid === 0 ? rootCapabilities : [];
  return {
    ociVersion: '1.0.2',
    process: {
      terminal: false,
      user:
        user === undefined
          ? { uid, gid: 0, umask: 0o002 }
          : { uid: user.uid, gid: user.gid, additionalGids: user.groups, umask: 0o022 },
      args: argumentsOf(workload, image, input.sources.init !== undefined),
      env: environmentOf(workload, image),
      cwd: workload.workingDir ?? (image.WorkingDir || '/'),
      capabilities: { bounding: held, effective: held, inheritable: [], permitted: held, ambient: [] },
      rlimits: [
        rlimit('RLIMIT_NOFILE', Math.min(workload.limits.openFiles, host.openFiles)),
        rlimit('RLIMIT_CORE', 0),
      ],
      noNewPrivileges: true,
      oomScoreAdj: Math.max(oomScoreAdj, host.oomScoreAdj),
    },
    root: { path: input.rootfs, readonly: workload.rootfs === 'readonly' },
    hostname: 'galley',
    mounts: mountsOf(workload, user?.uid ?? uid, input.sources),
    linux: {
      uidMappings: mappings,
      gidMappings: mappings,
      resources: resourcesOf(workload.limits, host, input.unified),
      cgroupsPath: input.cgroupsPath,
      namespaces: [
        { type: 'pid' },
        { type: 'ipc' },
        { type: 'uts' },
        { type: 'mount' },
        { type: 'cgroup' },
        // A group's network belongs to the user namespace of its first member; sysfs can be mounted only from there.
        { type: 'network', ...(input.join === undefined ? {} : { path: input.join.network }) },
        { type: 'user', ...(input.join === undefined ? {} : { path: input.join.user }) },
      ],
      maskedPaths,
      readonlyPaths,
      seccomp: (workload.folders ?? []).length > 0 ? refuseSetId(input.seccomp) : input.seccomp,
    },
  };
}

function rlimit(type: string, value: number): object {
  return { type, hard: value, soft: value };
}

function argumentsOf(workload: Workload, image: RuntimeConfig, init: boolean): string[] {
  const own = [...(image.Entrypoint ?? []), ...(image.Cmd ?? [])];
  const command = workload.command.length > 0 ? [...workload.command] : own;
  return init ? [initPath, '--', ...command] : command;
}

function environmentOf(workload: Workload, image: RuntimeConfig): string[] {
  const environment = new Map<string, string>([
    ['PATH', '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin'],
  ]);
  for (const line of image.Env ?? []) {
    const at = line.indexOf('=');
    if (at > 0) environment.set(line.slice(0, at), line.slice(at + 1));
  }
  environment.set('GALLEY_SOCKET_DIR', '/run/galley');
  for (const [name, value] of Object.entries(egressEnvironment(workload))) environment.set(name, value);
  for (const [name, value] of Object.entries(workload.env)) environment.set(name, value);
  return [...environment].map(([name, value]) => `${name}=${value}`);
}

/** How programs inside find the two doors to the outside (DESIGN.md §10). */
function egressEnvironment(workload: Workload): Record<string, string> {
  const index = 'http://127.0.0.1:3141/simple';
  const proxy = 'http://127.0.0.1:3128';
  return {
    ...(workload.egress.index ? { PIP_INDEX_URL: index, UV_DEFAULT_INDEX: index, UV_INDEX_URL: index } : {}),
    ...(workload.egress.index || workload.egress.hosts.length > 0
      ? {
          HTTP_PROXY: proxy,
          HTTPS_PROXY: proxy,
          http_proxy: proxy,
          https_proxy: proxy,
          NO_PROXY: '127.0.0.1,localhost',
          no_proxy: '127.0.0.1,localhost',
        }
      : {}),
  };
}
