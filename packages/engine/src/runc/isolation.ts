import { existsSync, readFileSync } from 'node:fs';
import { missingControllers, readCgroupHierarchy } from './cgroup/hierarchy.ts';
import { seccompProfilePath } from './oci/seccomp.ts';
import { findProgram } from './process/find-program.ts';

/** Debian's package for each program that the engine runs. */
const packages: readonly (readonly [program: string, name: string])[] = [
  ['runc', 'runc'],
  ['conmon', 'conmon'],
  ['nsenter', 'util-linux'],
  ['mount', 'mount'],
  ['mkfs.ext4', 'e2fsprogs'],
];

export interface Isolation {
  readonly tier: string;
  readonly missing?: string;
  readonly fix?: string;
}

/** Looks whether this machine can isolate as this engine promises; never starts anything. */
export function checkIsolation(): Isolation {
  const tier = 'runc';
  if (process.platform !== 'linux') {
    return { tier, missing: 'a Linux kernel', fix: 'run Galley on a Linux machine' };
  }
  if (process.getuid?.() !== 0) {
    return { tier, missing: 'root: Galley runs as an ordinary user', fix: 'sudo galley server run' };
  }
  const absent = packages.filter(([program]) => findProgram(program) === undefined).map(([, name]) => name);
  if (!existsSync(seccompProfilePath)) absent.push('golang-github-containers-common');
  if (absent.length > 0) {
    const names = `the package${absent.length === 1 ? '' : 's'} ${absent.join(', ')}`;
    return { tier, missing: names, fix: `sudo apt-get install -y ${absent.join(' ')}` };
  }
  if (!/\boverlay$/m.test(readFileSync('/proc/filesystems', 'utf8'))) {
    return { tier, missing: 'the overlay filesystem', fix: 'sudo modprobe overlay' };
  }
  const namespaces = '/proc/sys/user/max_user_namespaces';
  if (!existsSync(namespaces) || Number(readFileSync(namespaces, 'utf8')) === 0) {
    return { tier, missing: 'user namespaces', fix: 'sudo sysctl -w user.max_user_namespaces=10000' };
  }
  const controllers = missingControllers(readCgroupHierarchy());
  if (controllers.length > 0) {
    return {
      tier,
      missing: `the control group controllers ${controllers.join(', ')}`,
      fix: 'boot with systemd.unified_cgroup_hierarchy=1, or mount the controllers under /sys/fs/cgroup',
    };
  }
  return { tier };
}
