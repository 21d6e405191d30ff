import { createReadStream } from 'node:fs';
import { directoryEntry, type TarEntry } from '@galley/image/tar/entry';
import type { OutputFile } from '../workload/read-output.ts';
import { appFolder, appParents } from './code-layer.ts';

/** Where an output of a run goes in the image; undefined: it stays outside. */
export function modelPath(path: string): string | undefined {
  if (/^model\/[^/]+$/.test(path)) return `opt/galley/${path}`;
  return path.startsWith('files/') ? `${appFolder}/${path.slice('files/'.length)}` : undefined;
}

/** The layer of a training: the model, and the files that the run made where it made them. Pure but for reading the files. */
export function modelEntries(files: readonly OutputFile[]): readonly TarEntry[] {
  const folders = new Set<string>();
  const entries = files.flatMap((file): readonly TarEntry[] => {
    const path = modelPath(file.path);
    if (path === undefined) return [];
    const isApp = path.startsWith(`${appFolder}/`);
    if (isApp) {
      const parts = path.slice(appFolder.length + 1).split('/');
      for (let depth = 1; depth < parts.length; depth += 1)
        folders.add(`${appFolder}/${parts.slice(0, depth).join('/')}`);
    }
    const group = isApp ? 0o020 : 0;
    const mode = (file.executable ? 0o755 : 0o644) | group;
    return [{ path, type: 'file', mode, size: file.size, content: () => createReadStream(file.file) }];
  });
  return [
    ...appParents,
    directoryEntry('opt/galley/model'),
    ...[...folders].map((folder) => directoryEntry(folder, 0o775)),
    ...entries,
  ];
}
