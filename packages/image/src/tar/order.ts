import { GalleyError } from '@galley/api/error/galley-error';
import { directoryEntry, type TarEntry } from './entry.ts';
import { checkPath, holdsWhiteout, parentsOf } from './path.ts';
import { whiteoutEntry, type Whiteout } from './whiteout.ts';

/**
 * Directories that are not 0755 in every base image; a parent that we add must not close or open them (builders.md §8.1: Jib's default
 * parents flipped /tmp and /root, because a directory entry replaces the attributes below).
 */
const knownModes: ReadonlyMap<string, number> = new Map([
  ['root', 0o700],
  ['tmp', 0o1777],
  ['var/tmp', 0o1777],
]);

/** Where an entry sorts: by the bytes of its path, a directory before what is in it. */
export function compareBytes(left: string, right: string): number {
  if (left === right) return 0;
  // UTF-16 and UTF-8 order differ only beyond the surrogates; comparing as UTF-16 is much faster, so it is tried first.
  if (isBelowSurrogates(left) && isBelowSurrogates(right)) return left < right ? -1 : 1;
  return Buffer.compare(Buffer.from(left), Buffer.from(right));
}

function isBelowSurrogates(text: string): boolean {
  return !/[\uD800-\uFFFF]/.test(text);
}

/** The parent directories that the entries need and do not bring, root-owned. */
function missingParents(byPath: ReadonlyMap<string, TarEntry>): TarEntry[] {
  const added = new Map<string, TarEntry>();
  for (const entry of byPath.values()) {
    for (const parent of parentsOf(entry.path)) {
      const existing = byPath.get(parent);
      if (existing !== undefined && existing.type !== 'directory') {
        throw new GalleyError(
          'IMAGE_INVALID',
          `${entry.path} cannot lie in ${parent}, which is a ${existing.type}.`,
          { details: { path: entry.path, parent } },
        );
      }
      if (existing === undefined && !added.has(parent)) {
        added.set(parent, directoryEntry(parent, knownModes.get(parent) ?? 0o755));
      }
    }
  }
  return [...added.values()];
}

function addWhiteout(byPath: Map<string, TarEntry>, whiteout: Whiteout): void {
  const { path } = whiteout;
  if (path !== '') checkPath(path, 'The layer');
  const entry = whiteoutEntry(whiteout);
  const contradicts = !whiteout.opaque && byPath.has(path);
  if (holdsWhiteout(path) || contradicts || byPath.has(entry.path) || (path === '' && !whiteout.opaque)) {
    throw new GalleyError('IMAGE_INVALID', `The layer cannot remove ${JSON.stringify(path)}.`, {
      details: { path, contradicts },
    });
  }
  byPath.set(entry.path, entry);
}

/** Where a path sorts when there are whiteouts: these before every sibling, as image-spec's layer.md asks. */
function placeOf(path: string): string {
  return path.replace(/(^|\/)\.wh\./, '$1\0');
}

/**
 * Entries as a layer wants them: bytewise sorted, every parent present and before its children, hard links after their targets. Refuses
 * with `IMAGE_INVALID`: a path twice, a path that leaves the root, a name that begins with `.wh.` (it would delete, not add), a parent that is no
 * directory, a hard link to nothing. What the layer removes comes as `whiteouts`, and stands before its siblings.
 */
export function orderEntries(entries: Iterable<TarEntry>, whiteouts: readonly Whiteout[] = []): TarEntry[] {
  const byPath = new Map<string, TarEntry>();
  for (const entry of entries) {
    checkPath(entry.path, 'The layer');
    if (holdsWhiteout(entry.path)) {
      throw new GalleyError('IMAGE_INVALID', `${entry.path} would mean a deletion in an image layer.`, {
        hint: 'Rename the file: names that begin with .wh. cannot be in an image.',
        details: { path: entry.path },
      });
    }
    if (byPath.has(entry.path)) {
      throw new GalleyError('IMAGE_INVALID', `${entry.path} is twice in one layer.`, {
        details: { path: entry.path },
      });
    }
    byPath.set(entry.path, entry);
  }
  for (const whiteout of whiteouts) addWhiteout(byPath, whiteout);
  const sorted = [...byPath.values(), ...missingParents(byPath)].sort((a, b) =>
    whiteouts.length === 0 ? compareBytes(a.path, b.path) : compareBytes(placeOf(a.path), placeOf(b.path)),
  );
  const links = sorted.filter((entry) => entry.type === 'hardlink');
  for (const link of links) {
    if (byPath.get(link.linkTarget ?? '')?.type !== 'file') {
      const text = `The hard link ${link.path} leads to ${link.linkTarget}, which is no file of its layer.`;
      throw new GalleyError('IMAGE_INVALID', text, { details: { path: link.path, target: link.linkTarget } });
    }
  }
  // Links last: a target must come first, and no directory is ever a link's child.
  return links.length === 0 ? sorted : [...sorted.filter((entry) => entry.type !== 'hardlink'), ...links];
}
