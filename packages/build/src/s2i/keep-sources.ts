import { parentsOf } from '@galley/image/tar/path';
import type { TarEntry } from '@galley/image/tar/entry';
import type { ChangedEntry, Changes } from '../build-step/changes.ts';

/**
 * What a step changed together with what it left of the files that it was given, as one change to the image below: what it moved away is gone without
 * a trace, what it did not touch is there. `given` are the entries of an input that the image keeps. Pure.
 */
export function keepSources(
  given: readonly TarEntry[],
  hashes: (entry: TarEntry) => string | undefined,
  changes: Changes,
): Changes {
  const changed = new Map(changes.entries.map((entry) => [entry.path, entry]));
  const removed = new Set(changes.whiteouts.filter(({ opaque }) => !opaque).map(({ path }) => path));
  const hidden = new Set(changes.whiteouts.filter(({ opaque }) => opaque).map(({ path }) => path));
  const isGone = (path: string): boolean =>
    removed.has(path) ||
    parentsOf(path).some((parent) => {
      const above = changed.get(parent);
      return removed.has(parent) || hidden.has(parent) || (above !== undefined && above.type !== 'directory');
    });
  const left = given.flatMap((entry): readonly ChangedEntry[] => {
    if (changed.has(entry.path) || isGone(entry.path)) return [];
    const sha256 = hashes(entry);
    const { uid = 0, gid = 0 } = entry;
    return [{ ...entry, uid, gid, ...(sha256 === undefined ? {} : { sha256 }) }];
  });
  // The image below never had what was given, so there is nothing to remove from it.
  const own = new Set(given.map(({ path }) => path));
  return {
    ...changes,
    entries: [...changes.entries, ...left],
    whiteouts: changes.whiteouts.filter(({ path }) => !own.has(path)),
  };
}
