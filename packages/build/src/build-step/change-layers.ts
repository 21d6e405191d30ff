import type { Layer } from '@galley/image/descriptor';
import { buildLayer } from '@galley/image/layer/build-layer';
import { parentsOf } from '@galley/image/tar/path';
import type { Whiteout } from '@galley/image/tar/whiteout';
import type { BuildContext } from '../build.ts';
import type { ChangedEntry, Changes } from './changes.ts';

/** A part of a change that becomes a layer of its own. */
export interface LayerGroup {
  /** `dependencies`, `code`. */
  readonly role: string;
  /** True for what belongs here and not to a later group. Directories follow what is in them. */
  readonly holds: (entry: ChangedEntry) => boolean;
}

export interface ChangeLayer {
  readonly role: string;
  readonly layer: Layer;
}

/** What package managers install, wherever they put it: it changes when a requirement does, not when a source file does. */
const packageFolders = /(^|\/)(site-packages|dist-packages|node_modules|\.m2|\.gradle|vendor\/bundle|gems)\//;

export function isPackage(entry: ChangedEntry): boolean {
  return packageFolders.test(entry.path);
}

/**
 * A change as layers, bottom to top in the order of the groups; what no group holds goes into the last. What was removed is removed by the
 * lowest layer, so that it hides nothing of ours. The layers are a pure function of the change: whatever a script does again in the same
 * way is the same layer, is stored once and is not pushed again (builders.md §6.1: one opaque layer is the complaint about source-to-image).
 */
export async function changeLayers(
  changes: Changes,
  groups: readonly LayerGroup[],
  options: { readonly context: Pick<BuildContext, 'store' | 'signal'>; readonly createdBy: string },
): Promise<readonly ChangeLayer[]> {
  const { context, createdBy } = options;
  const folders = new Map(
    changes.entries.flatMap((entry) => (entry.type === 'directory' ? [[entry.path, entry]] : [])),
  );
  const withParents = (
    entries: readonly ChangedEntry[],
    needed: Iterable<string>,
  ): readonly ChangedEntry[] => {
    const all = new Map(entries.map((entry) => [entry.path, entry]));
    for (const path of needed) {
      const folder = folders.get(path);
      if (folder !== undefined) all.set(path, folder);
    }
    return [...all.values()];
  };
  const layers: ChangeLayer[] = [];
  let whiteouts: readonly Whiteout[] = changes.whiteouts;
  for (const { role, entries } of groupEntries(changes, groups)) {
    const needed = [...entries.flatMap(({ path }) => parentsOf(path)), ...foldersOf(whiteouts)];
    const layer = await buildLayer(context.store, withParents(entries, needed), {
      createdBy: `${createdBy} ${role}`,
      whiteouts,
      signal: context.signal,
    });
    layers.push({ role, layer });
    whiteouts = [];
  }
  return layers;
}

/** The directories that are needed to say what was removed. */
function foldersOf(whiteouts: readonly Whiteout[]): readonly string[] {
  return whiteouts.flatMap(({ path, opaque }) => [...parentsOf(path), ...(opaque ? [path] : [])]);
}

function groupEntries(
  { entries, whiteouts }: Changes,
  groups: readonly LayerGroup[],
): readonly { role: string; entries: readonly ChangedEntry[] }[] {
  const parts = groups.map(({ role }) => ({ role, entries: [] as ChangedEntry[] }));
  const last = parts.at(-1);
  const filled = new Set([...entries.flatMap(({ path }) => parentsOf(path)), ...foldersOf(whiteouts)]);
  for (const entry of entries) {
    // Directories follow what is in them; one that holds nothing is told by the last layer.
    if (entry.type === 'directory' && filled.has(entry.path)) continue;
    const index = entry.type === 'directory' ? -1 : groups.findIndex((group) => group.holds(entry));
    (parts[index] ?? last)?.entries.push(entry);
  }
  const present = parts.filter((part) => part.entries.length > 0);
  return present.length > 0 || whiteouts.length === 0 ? present : parts.slice(-1);
}
