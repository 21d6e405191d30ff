import { statSync } from 'node:fs';
import { dirname } from 'node:path';

/**
 * The groups whose members may pass the directories that lead to a replica's socket: those that are closed to others and
 * open to their group. The gateway takes exactly these along when it gives up root. Directories that do not exist yet
 * say nothing.
 */
export function socketGroups(socketPath: string): readonly number[] {
  const groups = new Set<number>();
  for (let folder = dirname(socketPath); folder !== dirname(folder); folder = dirname(folder)) {
    const found = statSync(folder, { throwIfNoEntry: false });
    if (found === undefined) continue;
    const groupPasses = (found.mode & 0o010) !== 0;
    const othersPass = (found.mode & 0o001) !== 0;
    if (groupPasses && !othersPass && found.gid !== 0) groups.add(found.gid);
  }
  return [...groups].sort((a, b) => a - b);
}
