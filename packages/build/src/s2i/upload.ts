import { createReadStream } from 'node:fs';
import { directoryEntry, fileEntry, symlinkEntry, type TarEntry } from '@galley/image/tar/entry';
import type { ImageUser } from '@galley/image/facts/image-user';
import { isScratch } from '../build-step/left-out.ts';
import { hashContent } from '../source/hash-content.ts';
import type { SourceEntry } from '../source/source-tree.ts';
import type { Scripts } from './find-scripts.ts';

/** Where things lie during the build and after it. Paths without a leading slash. */
export interface Places {
  readonly source: string;
  readonly scripts: string;
  readonly artifacts: string;
  /** True: what is left at `source` and `scripts` is part of the image, as it is for source-to-image. */
  readonly kept: boolean;
  /** Where scripts that were brought along lie in the result. */
  readonly keptScripts: string;
}

/** Where an image keeps scripts that have no place of their own in it, without a leading slash. */
export const ownScriptsFolder = 'opt/s2i/scripts';

/**
 * The protocol's folders below the destination. Nothing in /tmp, the default, can be part of an image, since it is mounted afresh wherever the
 * image runs (ADR 0086): a `run` of the repository goes to a folder of its own instead.
 */
export function placesOf(destination: string): Places {
  const base = destination.replace(/^\/+|\/+$/g, '');
  const at = (name: string): string => (base === '' ? name : `${base}/${name}`);
  const kept = !isScratch(at('src'));
  return {
    source: at('src'),
    scripts: at('scripts'),
    artifacts: at('artifacts'),
    kept,
    keptScripts: kept ? at('scripts') : ownScriptsFolder,
  };
}

/** A source's files below `folder`, owned by who runs `assemble`, as if he had unpacked them. */
export function sourceEntries(
  entries: readonly SourceEntry[],
  folder: string,
  owner: Pick<ImageUser, 'uid' | 'gid'>,
): readonly TarEntry[] {
  const { uid, gid } = owner;
  const folders = new Set([folder]);
  for (const { path } of entries) {
    const parts = path.split('/');
    for (let depth = 1; depth < parts.length; depth += 1)
      folders.add(`${folder}/${parts.slice(0, depth).join('/')}`);
  }
  return [
    ...[...folders].map((path) => ({ ...directoryEntry(path), uid, gid })),
    ...entries.map((entry): TarEntry => {
      const path = `${folder}/${entry.path}`;
      if (entry.kind === 'link') return { ...symlinkEntry(path, entry.target), uid, gid };
      const { content, mode, size } = entry;
      return {
        path,
        type: 'file',
        mode,
        size,
        uid,
        gid,
        content: () => (Buffer.isBuffer(content) ? content : createReadStream(content.spooled)),
      };
    }),
  ];
}

/** The scripts that were brought along, below `folder`; root's, and everybody may run them. */
export function scriptEntries(scripts: Scripts, folder: string): readonly TarEntry[] {
  const files = [...scripts].flatMap(([name, script]): readonly TarEntry[] => {
    if (script.kind === 'image') return [];
    return [fileEntry(`${folder}/${name}`, script.content, 0o755)];
  });
  return files.length === 0 ? [] : [directoryEntry(folder), ...files];
}

/** sha256 of each file of a source, with the paths that have it: how its files are known again in what `assemble` left. */
export async function hashSource(
  entries: readonly SourceEntry[],
): Promise<ReadonlyMap<string, readonly string[]>> {
  const paths = new Map<string, string[]>();
  for (const entry of entries) {
    if (entry.kind !== 'file') continue;
    const key = await hashContent(entry.content);
    paths.set(key, [...(paths.get(key) ?? []), entry.path]);
  }
  return paths;
}
