import { createHash } from 'node:crypto';
import { appendFile, mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { FetchedFile } from '@galley/engine/engine';
import { runCommand } from '@galley/build/command/run-command';
import { GalleyError } from '@galley/api/error/galley-error';
import type { HomeLayout } from '../owner/home.ts';

/** What a home keeps of the labs in one folder. */
export interface LabFolder {
  /** Its name below `lab/folder`: of the folder's path. */
  readonly key: string;
  /** Holds the others, and is nobody's but root's. */
  readonly root: string;
  /** Mounted at /home/galley/.local: the person's own environment, settings, history. Hostile. */
  readonly kept: string;
  /** Files that its sessions took from the package index, a JSON line each. Ours. */
  readonly fetched: string;
  /** The Python of its last session. Ours. */
  readonly python: string;
}

/** The place of the folder with this real path. */
export function labFolder(layout: HomeLayout, path: string): LabFolder {
  return folderOfKey(layout, createHash('sha256').update(path).digest('hex').slice(0, 16));
}

/** The same, by the name that a session carries. */
export function folderOfKey(layout: HomeLayout, key: string): LabFolder {
  const root = join(layout.lab, 'folder', key);
  return {
    key,
    root,
    kept: join(root, 'kept'),
    fetched: join(root, 'fetched.jsonl'),
    python: join(root, 'python'),
  };
}

/** Makes it, before a session with this Python. */
export async function prepareLabFolder(folder: LabFolder, python: string): Promise<void> {
  // Nobody but root passes: what hostile code leaves there must not wait for another user of the machine.
  await mkdir(folder.root, { recursive: true, mode: 0o700 });
  await mkdir(folder.kept, { recursive: true, mode: 0o755 });
  await writeFile(folder.python, python, { mode: 0o600 });
}

/** Notes what a session took from the index. */
export async function keepFetched(folder: LabFolder, files: readonly FetchedFile[]): Promise<void> {
  if (files.length === 0) return;
  const lines = files.map((file) => `${JSON.stringify(file)}\n`).join('');
  await appendFile(folder.fetched, lines, { mode: 0o600 });
}

/** All that its sessions took. */
export async function readFetched(folder: LabFolder): Promise<readonly FetchedFile[]> {
  const text = await readFile(folder.fetched, 'utf8').catch(() => '');
  // Our own lines; one that a crash cut short is left out.
  return text.split('\n').flatMap((line) => (line.endsWith('}') ? [JSON.parse(line) as FetchedFile] : []));
}

/** Forgets what was installed and set in it. Not while a session runs. Throws `LAB_FAILED`. */
export async function resetLabFolder(folder: LabFolder, signal: AbortSignal): Promise<void> {
  // The program and not Node's own: it goes down into a tree of any depth, and follows no link.
  const result = await runCommand(['rm', '-rf', '--one-file-system', '--', folder.root], {
    cwd: '/',
    env: { PATH: '/usr/bin:/bin' },
    signal,
  });
  if (result.exitCode !== 0) {
    throw new GalleyError(
      'LAB_FAILED',
      `What was kept of earlier labs could not be removed: ${result.stderr}`,
      {
        hint: `Remove ${folder.root} and try again.`,
      },
    );
  }
}
