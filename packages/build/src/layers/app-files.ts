import { createReadStream } from 'node:fs';
import { directoryEntry, type TarEntry } from '@galley/image/tar/entry';
import type { OutputFile } from '../workload/read-output.ts';
import { appFolder, appParents } from './code-layer.ts';

/**
 * Files that a run handed back, at the places that `placeOf` gives them, with the folders above. Below the application's folder group 0 may
 * write, as it may in the code layer. Pure but for reading the files.
 */
export function fileEntries(
  files: readonly OutputFile[],
  placeOf: (path: string) => string,
): readonly TarEntry[] {
  const folders = new Map<string, number>();
  const entries = files.map((file): TarEntry => {
    const path = placeOf(file.path);
    const isApp = path.startsWith(`${appFolder}/`);
    const root = isApp ? appFolder : 'opt/galley';
    const parts = path.slice(root.length + 1).split('/');
    for (let depth = 1; depth < parts.length; depth += 1)
      folders.set(`${root}/${parts.slice(0, depth).join('/')}`, isApp ? 0o775 : 0o755);
    const mode = (file.executable ? 0o755 : 0o644) | (isApp ? 0o020 : 0);
    return { path, type: 'file', mode, size: file.size, content: () => createReadStream(file.file) };
  });
  return [...appParents, ...[...folders].map(([path, mode]) => directoryEntry(path, mode)), ...entries];
}
