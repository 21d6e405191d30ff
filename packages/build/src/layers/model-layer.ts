import { directoryEntry, type TarEntry } from '@galley/image/tar/entry';
import type { OutputFile } from '../workload/read-output.ts';
import { fileEntries } from './app-files.ts';
import { appFolder } from './code-layer.ts';

/** Where an output of a run goes in the image; undefined: it stays outside. */
export function modelPath(path: string): string | undefined {
  if (/^model\/[^/]+$/.test(path)) return `opt/galley/${path}`;
  return path.startsWith('files/') ? `${appFolder}/${path.slice('files/'.length)}` : undefined;
}

/** The layer of a training: the model, and the files that the run made where it made them. Pure but for reading the files. */
export function modelEntries(files: readonly OutputFile[]): readonly TarEntry[] {
  const placed = files.filter(({ path }) => modelPath(path) !== undefined);
  const entries = fileEntries(placed, (path) => modelPath(path) ?? path);
  const hasFolder = entries.some(({ path }) => path === 'opt/galley/model');
  return hasFolder ? entries : [...entries, directoryEntry('opt/galley/model')];
}
