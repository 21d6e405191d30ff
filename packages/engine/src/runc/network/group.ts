import { mkdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Layout } from '../layout.ts';
import { mustRun } from '../process/run-command.ts';
import { mountsBelow, unmountBelow } from '../rootfs/unmount.ts';

/** The namespaces that the members of a network group share. */
export interface GroupNamespaces {
  readonly network: string;
  /** The network belongs to the first member's user namespace: a later member must enter both, or cannot mount /sys. */
  readonly user: string;
}

/** The namespaces of a group that has a member already; undefined: the next member founds it. */
export async function findGroup(layout: Layout, group: string): Promise<GroupNamespaces | undefined> {
  const directory = join(layout.groups, group);
  const mounts = await mountsBelow(directory);
  const network = join(directory, 'net');
  const user = join(directory, 'user');
  return mounts.includes(network) && mounts.includes(user) ? { network, user } : undefined;
}

/**
 * Keeps a founding member's namespaces alive in files of our own, so that the group outlives it. Never `ip netns`,
 * which mounts over what other programs keep in /run/netns (engine.md §8).
 */
export async function foundGroup(layout: Layout, group: string, initPid: number): Promise<void> {
  const directory = join(layout.groups, group);
  await mkdir(directory, { recursive: true, mode: 0o700 });
  for (const [name, kind] of [
    ['net', 'net'],
    ['user', 'user'],
  ] as const) {
    const file = join(directory, name);
    await writeFile(file, '');
    await mustRun('mount', ['--bind', `/proc/${initPid}/ns/${kind}`, file]);
  }
}

/** Lets go of a group that has no member left. */
export async function releaseGroup(layout: Layout, group: string): Promise<void> {
  const directory = join(layout.groups, group);
  await unmountBelow(directory);
  await rm(directory, { recursive: true, force: true });
}
