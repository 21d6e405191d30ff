/** Turns the seccomp profile that Debian ships into the form that runc reads, and makes it stricter (engine.md §1.3). */

/** Where Debian's `golang-github-containers-common` keeps the profile. Not copied here: it is theirs and is updated. */
export const seccompProfilePath = '/usr/share/containers/seccomp.json';

interface Argument {
  readonly index: number;
  readonly value: number;
  readonly valueTwo?: number;
  readonly op: string;
}

interface Conditions {
  readonly caps?: readonly string[];
  readonly arches?: readonly string[];
  readonly minKernel?: string;
}

interface ProfileRule {
  readonly names?: readonly string[];
  readonly name?: string;
  readonly action: string;
  readonly args?: readonly Argument[] | null;
  readonly includes?: Conditions;
  readonly excludes?: Conditions;
  readonly errnoRet?: number;
}

export interface SeccompRule {
  readonly names: readonly string[];
  readonly action: string;
  readonly args?: readonly Argument[];
  readonly errnoRet?: number;
}

/** `linux.seccomp` of the OCI runtime specification. */
export interface OciSeccomp {
  readonly defaultAction: string;
  readonly defaultErrnoRet: number;
  readonly architectures: readonly string[];
  readonly syscalls: readonly SeccompRule[];
}

const EPERM = 1;
const ENOSYS = 38;

/**
 * Refused whatever the profile says. The profile of Debian 12 allows new user namespaces, through which an attacker
 * gets at most of the kernel's privileged surface; the others have no use in a notebook and a history of holes.
 */
const refused = [
  'add_key',
  'bpf',
  'chroot',
  'fsconfig',
  'fsmount',
  'fsopen',
  'fspick',
  'io_uring_enter',
  'io_uring_register',
  'io_uring_setup',
  'kcmp',
  'keyctl',
  'mount',
  'mount_setattr',
  'move_mount',
  'open_by_handle_at',
  'open_tree',
  'perf_event_open',
  'pivot_root',
  'process_madvise',
  'request_key',
  'setns',
  'umount',
  'umount2',
  'unshare',
  'userfaultfd',
  'vmsplice',
] as const;

/** Any CLONE_NEW* flag: time, mount, cgroup, uts, ipc, user, pid, net. */
const namespaceFlags =
  0x80 | 0x20000 | 0x2000000 | 0x4000000 | 0x8000000 | 0x10000000 | 0x20000000 | 0x40000000;

/**
 * AF_UNIX, AF_INET, AF_INET6 and AF_NETLINK (getifaddrs). A list of what is allowed, because a rule cannot say "neither
 * 38 nor 40": runc joins two conditions on one argument with *or*. So AF_ALG, AF_VSOCK and AF_PACKET are gone.
 */
const socketFamilies = [1, 2, 10, 16];

/** The process has no capabilities, so what the profile gives to a capability is not taken over. Throws `SyntaxError`-like errors of JSON.parse. */
export function flattenSeccomp(profile: string, architecture: NodeJS.Architecture): OciSeccomp {
  // The file is Debian's and root's; a wrong shape makes runc refuse, never a weaker filter.
  const parsed = JSON.parse(profile) as { syscalls: readonly ProfileRule[] };
  const machine = machines[architecture];
  if (machine === undefined) throw new Error(`There is no seccomp architecture for ${architecture}.`);
  const ours = new Set<string>([...refused, 'clone', 'clone3', 'socket', 'socketcall']);
  const syscalls: SeccompRule[] = [
    { names: refused, action: 'SCMP_ACT_ERRNO', errnoRet: EPERM },
    // ENOSYS, so that the C library falls back to clone, whose flags a filter can read.
    { names: ['clone3'], action: 'SCMP_ACT_ERRNO', errnoRet: ENOSYS },
    {
      names: ['clone'],
      action: 'SCMP_ACT_ALLOW',
      args: [{ index: 0, value: namespaceFlags, valueTwo: 0, op: 'SCMP_CMP_MASKED_EQ' }],
    },
    ...socketFamilies.map((family) => ({
      names: ['socket'],
      action: 'SCMP_ACT_ALLOW',
      args: [{ index: 0, value: family, op: 'SCMP_CMP_EQ' }],
    })),
  ];
  for (const rule of parsed.syscalls) {
    if (!applies(rule, machine.docker)) continue;
    const names = (rule.names ?? (rule.name === undefined ? [] : [rule.name])).filter(
      (name) => !ours.has(name),
    );
    if (names.length === 0) continue;
    syscalls.push({
      names,
      action: rule.action,
      ...(rule.args && rule.args.length > 0 ? { args: rule.args } : {}),
      ...(rule.errnoRet === undefined ? {} : { errnoRet: rule.errnoRet }),
    });
  }
  return {
    defaultAction: 'SCMP_ACT_ERRNO',
    defaultErrnoRet: ENOSYS,
    // Only the native one: 32-bit calls would go around the rules through socketcall.
    architectures: [machine.seccomp],
    syscalls,
  };
}

const machines: Partial<Record<NodeJS.Architecture, { docker: string; seccomp: string }>> = {
  x64: { docker: 'amd64', seccomp: 'SCMP_ARCH_X86_64' },
  arm64: { docker: 'arm64', seccomp: 'SCMP_ARCH_AARCH64' },
};

function applies(rule: ProfileRule, architecture: string): boolean {
  if (rule.includes?.caps && rule.includes.caps.length > 0) return false;
  if (rule.includes?.arches && !rule.includes.arches.includes(architecture)) return false;
  if (rule.excludes?.arches?.includes(architecture)) return false;
  return true;
}
