import { mkdir, readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';

/**
 * A private folder for half-made things of this process: `work/OWNER-NAME` of the cache. A home has one owner (DESIGN.md §3), so
 * whatever lies there of another process was left by one that was killed.
 */
export async function makeWorkFolder(cacheDir: string, name: string): Promise<string> {
  const folder = join(cacheDir, 'work', `${owner()}-${name}`);
  await mkdir(folder, { recursive: true, mode: 0o700 });
  return folder;
}

/** Removes what builds of killed processes were writing. */
export async function sweepWorkFolders(cacheDir: string): Promise<void> {
  const names = await readdir(join(cacheDir, 'work')).catch(() => []);
  const left = names.filter((name) => !name.startsWith(`${owner()}-`));
  // A program that the killed process had started may still be writing there: `rm` then finds a folder full again, and tries again.
  const options = { recursive: true, force: true, maxRetries: 5 };
  await Promise.all(left.map((name) => rm(join(cacheDir, 'work', name), options)));
}

/** This process and no other: in a container every server has the same process id. */
function owner(): string {
  return `${process.pid}-${Math.round(performance.timeOrigin)}`;
}
