import { createHash } from 'node:crypto';
import type { Digest } from '@galley/api/digest';
import type { Image } from '../image.ts';
import type { ImageStore } from '../store.ts';
import type { TarEntry } from '../tar/entry.ts';
import { PackageReader, type PackageFacts } from './packages.ts';
import { visibleEntries, type VisibleEntry } from './visible-entries.ts';

/** A path that is not the same in both images. */
export interface FileDifference {
  readonly path: string;
  readonly change: 'added' | 'removed' | 'changed';
  /** What changed of it: `content`, `mode`, `type`, `owner`, `target`. */
  readonly what: readonly string[];
  /** Bytes more, or less. */
  readonly bytes: number;
}

/** What is compared of an entry. */
export interface Seen {
  readonly type: TarEntry['type'];
  readonly mode: number;
  readonly owner: string;
  readonly target: string;
  readonly size: number;
  readonly layer: Digest;
}

/** An image read once from end to end. */
export interface Inventory {
  readonly image: Image;
  readonly entries: ReadonlyMap<string, Seen>;
  readonly packages: readonly PackageFacts[];
}

/** Reads every layer of an image once. Throws as `visibleEntries` does. */
export async function takeInventory(
  store: ImageStore,
  image: Image,
  signal?: AbortSignal,
): Promise<Inventory> {
  const entries = new Map<string, Seen>();
  const packages = new PackageReader();
  for await (const entry of visibleEntries(store, image.layers, () => true, signal)) {
    // Of a directory in several layers the topmost counts, which comes first.
    if (entries.has(entry.path)) continue;
    entries.set(entry.path, seenOf(entry));
    if (packages.wants(entry.path)) await packages.add(entry);
  }
  return { image, entries, packages: packages.contents().packages };
}

/**
 * The paths that a container would find different. Times do not count. Contents are hashed only where path, type and size are equal and the
 * layers are not: a layer is the same in both or its files are read. Throws as `visibleEntries` does.
 */
export async function diffFiles(
  store: ImageStore,
  before: Inventory,
  after: Inventory,
  signal?: AbortSignal,
): Promise<readonly FileDifference[]> {
  const [old, fresh] = [before.entries, after.entries];
  const doubtful = new Set<string>();
  for (const [path, was] of old) {
    const is = fresh.get(path);
    if (is !== undefined && mayDiffer(was, is)) doubtful.add(path);
  }
  const [oldHashes, freshHashes] =
    doubtful.size === 0
      ? [new Map<string, string>(), new Map<string, string>()]
      : [
          await hashEntries(store, before.image, doubtful, signal),
          await hashEntries(store, after.image, doubtful, signal),
        ];
  const differences: FileDifference[] = [];
  for (const path of [...new Set([...old.keys(), ...fresh.keys()])].sort()) {
    const [was, is] = [old.get(path), fresh.get(path)];
    const bytes = (is?.size ?? 0) - (was?.size ?? 0);
    if (was === undefined || is === undefined) {
      differences.push({ path, change: was === undefined ? 'added' : 'removed', what: [], bytes });
      continue;
    }
    const what = compare(was, is);
    if (oldHashes.get(path) !== freshHashes.get(path) && !what.includes('content')) what.push('content');
    if (what.length > 0) differences.push({ path, change: 'changed', what, bytes });
  }
  return differences;
}

function compare(was: Seen, is: Seen): string[] {
  return [
    ...(was.type === is.type ? [] : ['type']),
    ...(was.mode === is.mode ? [] : ['mode']),
    ...(was.owner === is.owner ? [] : ['owner']),
    ...(was.target === is.target ? [] : ['target']),
    ...(was.size === is.size ? [] : ['content']),
  ];
}

function mayDiffer(was: Seen, is: Seen): boolean {
  return was.type === 'file' && is.type === 'file' && was.size === is.size && was.layer !== is.layer;
}

function seenOf(entry: VisibleEntry): Seen {
  return {
    type: entry.type,
    mode: entry.mode,
    owner: `${entry.uid ?? 0}:${entry.gid ?? 0}`,
    target: entry.linkTarget ?? '',
    size: entry.size,
    layer: entry.layer.diffId,
  };
}

async function hashEntries(
  store: ImageStore,
  image: Image,
  paths: ReadonlySet<string>,
  signal?: AbortSignal,
): Promise<Map<string, string>> {
  const hashes = new Map<string, string>();
  // Every path, so that what upper layers hide is known; only the doubtful are read.
  for await (const entry of visibleEntries(store, image.layers, () => true, signal)) {
    if (!paths.has(entry.path) || hashes.has(entry.path) || entry.type !== 'file') continue;
    const hash = createHash('sha256');
    const content = entry.content?.() ?? Buffer.alloc(0);
    if (Buffer.isBuffer(content)) hash.update(content);
    else for await (const chunk of content) hash.update(chunk);
    hashes.set(entry.path, hash.digest('hex'));
  }
  return hashes;
}
