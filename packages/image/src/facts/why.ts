import type { Digest } from '@galley/api/digest';
import type { Layer } from '../descriptor.ts';
import type { Image } from '../image.ts';
import { openLayer } from '../layer/open-layer.ts';
import { requireLayer } from '../layer/require-layer.ts';
import type { ImageStore } from '../store.ts';
import type { TarEntry } from '../tar/entry.ts';
import { checkPath } from '../tar/path.ts';
import { readTar } from '../tar/read-tar.ts';
import { parseWhiteout } from '../tar/whiteout.ts';
import { fileOwner } from './file-owner.ts';

/** What one layer does at a path. */
export interface PathMention {
  /** From 0, bottom to top. */
  readonly layer: number;
  readonly digest: Digest;
  /** The line of the history: which step made the layer, of what. */
  readonly createdBy: string;
  readonly annotations: Readonly<Record<string, string>>;
  readonly action: 'adds' | 'removes' | 'hides' | 'links';
  /** The entry that matters: the path itself, a whiteout of it or above it, a link above it. */
  readonly path: string;
  readonly type: TarEntry['type'];
  readonly mode: number;
  readonly sizeBytes: number;
  /** Of a link: where it leads. */
  readonly target?: string;
  /** The Python package whose file it is: `numpy 2.4.6`. */
  readonly package?: string;
}

export interface WhyReport {
  readonly path: string;
  /** True: a container sees it. */
  readonly present: boolean;
  /** Top to bottom: the first decides, what is below is covered by it (of directories: added to). */
  readonly mentions: readonly PathMention[];
}

type Match = Pick<PathMention, 'action' | 'path' | 'type' | 'mode' | 'sizeBytes'> & { target?: string };

function isBelow(path: string, folder: string): boolean {
  return folder === '' || path.startsWith(`${folder}/`);
}

/** What an entry does to the path that is asked about. */
function matchOf(entry: TarEntry, path: string): Match | undefined {
  const base = { path: entry.path, type: entry.type, mode: entry.mode, sizeBytes: entry.size };
  const link = entry.linkTarget === undefined ? {} : { target: entry.linkTarget };
  if (entry.path === path) return { action: 'adds', ...base, ...link };
  const whiteout = parseWhiteout(entry.path);
  if (whiteout?.opaque === true)
    return isBelow(path, whiteout.path) ? { action: 'hides', ...base } : undefined;
  if (whiteout !== undefined) {
    const removes = path === whiteout.path || isBelow(path, whiteout.path);
    return removes ? { action: 'removes', ...base } : undefined;
  }
  const isLink = entry.type === 'symlink' && isBelow(path, entry.path);
  return isLink ? { action: 'links', ...base, ...link } : undefined;
}

const limits = { entriesMax: 1_000_000, bytesMax: 2 ** 36, special: 'skip' as const };

async function mentionsIn(
  store: ImageStore,
  layer: Layer,
  index: number,
  path: string,
  signal: AbortSignal | undefined,
): Promise<PathMention[]> {
  const found: PathMention[] = [];
  for await (const entry of readTar(openLayer(store, layer.descriptor), limits, signal)) {
    const match = matchOf(entry, path);
    if (match === undefined) continue;
    found.push({
      layer: index,
      digest: layer.descriptor.digest,
      createdBy: layer.createdBy,
      annotations: layer.descriptor.annotations ?? {},
      ...match,
    });
  }
  // Whiteouts speak of lower layers only, so what the same layer adds comes first.
  return found.sort((left, right) => Number(left.action !== 'adds') - Number(right.action !== 'adds'));
}

/**
 * Why a path is in an image: every layer that adds, removes or hides it, the deciding one first. Links on the way are reported and not
 * followed: ask again with the path they lead to. Reads layers from the top and stops at the first file. Throws `IMAGE_INVALID` for a path that is none.
 */
export async function why(
  store: ImageStore,
  image: Image,
  path: string,
  signal?: AbortSignal,
): Promise<WhyReport> {
  const relative = path.replace(/^\/+/, '').replace(/\/+$/, '');
  checkPath(relative, 'The question');
  const mentions: PathMention[] = [];
  for (const [index, layer] of [...image.layers.entries()].toReversed()) {
    await requireLayer(store, layer.descriptor);
    mentions.push(...(await mentionsIn(store, layer, index, relative, signal)));
    const last = mentions.at(-1);
    if (last !== undefined && !(last.action === 'adds' && last.type === 'directory')) break;
  }
  const [first, ...rest] = mentions;
  if (first?.action !== 'adds') return { path: relative, present: false, mentions };
  const layer = image.layers[first.layer];
  const owner = layer === undefined ? undefined : await fileOwner(store, layer, relative, signal);
  const told = owner === undefined ? first : { ...first, package: owner };
  return { path: relative, present: true, mentions: [told, ...rest] };
}
