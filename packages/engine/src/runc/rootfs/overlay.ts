import { mkdir, rm, symlink } from 'node:fs/promises';
import { join } from 'node:path';
import type { WorkloadPaths } from '../layout.ts';
import { mustRun } from '../process/run-command.ts';

/**
 * Mounts the layers, lowest first, with an upper layer on the workload's disk. A read-only workload has one too: files
 * and mount points that its image lacks are made in it *before* the start, and what the workload sees is a read-only
 * bind of this mount, which without capabilities it cannot change (ADR 0021). Rejected: `files` as bind mounts, which
 * need a mount point in the image and cost a mount each.
 *
 * The option string may have 4096 bytes, so the layers go by short names in a directory of links (engine.md §2).
 */
export async function mountOverlay(
  paths: WorkloadPaths,
  writable: { readonly upper: string; readonly work: string },
  directories: readonly string[],
): Promise<void> {
  await rm(paths.lower, { recursive: true, force: true });
  await Promise.all([
    mkdir(paths.lower, { mode: 0o700 }),
    mkdir(paths.rootfs, { mode: 0o700, recursive: true }),
  ]);
  // Highest first, as overlayfs wants it.
  const names = directories.map((_, index) => index.toString(36)).toReversed();
  await Promise.all(
    directories.map((directory, index) => symlink(directory, join(paths.lower, index.toString(36)))),
  );
  // volatile: nothing of it is read after a crash, so nothing need be synced.
  const { upper, work } = writable;
  // No redirects and no copies of metadata alone, which would leave attributes instead of files in an upper layer that is read (ADR 0085).
  const plain = 'redirect_dir=off,metacopy=off,volatile,nosuid,nodev';
  const options = `lowerdir=${names.join(':')},upperdir=${upper},workdir=${work},${plain}`;
  await mustRun('mount', ['-t', 'overlay', '-o', options, 'galley', paths.rootfs], { cwd: paths.lower });
}
