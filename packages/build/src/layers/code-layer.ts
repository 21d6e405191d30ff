import { createReadStream } from 'node:fs';
import { directoryEntry, symlinkEntry, type TarEntry } from '@galley/image/tar/entry';
import type { SourceTree } from '../source/source-tree.ts';

/** Where the repository lies in the image: working directory and sys.path[0] of run, rehearsal and service. */
export const appFolder = 'home/galley/app';

/**
 * The folders above `appFolder` as the base has them. A layer that adds its own plain parents would close them: a directory entry
 * replaces the attributes below (builders.md §8.1).
 */
export const appParents: readonly TarEntry[] = [
  directoryEntry('home'),
  directoryEntry('home/galley', 0o775),
  directoryEntry(appFolder, 0o775),
];

/** The layer of the repository: root's, and group 0 may write, since an image runs under any user id with group 0. Pure. */
export function codeEntries(tree: SourceTree): readonly TarEntry[] {
  const folders = new Set<string>();
  for (const { path } of tree.entries) {
    const parts = path.split('/');
    for (let depth = 1; depth < parts.length; depth += 1) folders.add(parts.slice(0, depth).join('/'));
  }
  return [
    ...appParents,
    ...[...folders].map((folder) => directoryEntry(`${appFolder}/${folder}`, 0o775)),
    ...tree.entries.map((entry): TarEntry => {
      const path = `${appFolder}/${entry.path}`;
      if (entry.kind === 'link') return symlinkEntry(path, entry.target);
      const { content } = entry;
      return {
        path,
        type: 'file',
        mode: entry.mode === 0o755 ? 0o775 : 0o664,
        size: entry.size,
        content: () => (Buffer.isBuffer(content) ? content : createReadStream(content.spooled)),
      };
    }),
  ];
}
