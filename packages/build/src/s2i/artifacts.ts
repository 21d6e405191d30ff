import { createReadStream } from 'node:fs';
import { join } from 'node:path';
import { GalleyError } from '@galley/api/error/galley-error';
import { visibleEntries } from '@galley/image/facts/visible-entries';
import type { ImageUser } from '@galley/image/facts/image-user';
import type { Image } from '@galley/image/image';
import { directoryEntry, type TarEntry } from '@galley/image/tar/entry';
import { orderEntries } from '@galley/image/tar/order';
import { readTar } from '@galley/image/tar/read-tar';
import type { ImageStore } from '@galley/image/store';
import { runBuildStep, type BuildStep, type StepOptions } from '../build-step/build-step.ts';
import { inputLayer } from '../build-step/input-layer.ts';
import { Spool } from '../build-step/spool.ts';
import { scriptPath, type Script } from './find-scripts.ts';
import { scriptEntries } from './upload.ts';

export interface SaveOptions {
  /** The image that was built before. */
  readonly previous: Image;
  readonly script: Script;
  /** Where a script that was brought along is put, without a leading slash. */
  readonly scriptsFolder: string;
  /** Where the artifacts go in the next build, without a leading slash. */
  readonly folder: string;
  readonly owner: Pick<ImageUser, 'uid' | 'gid'>;
  readonly user: string;
  readonly env: Readonly<Record<string, string>>;
  readonly limits: BuildStep['limits'];
}

/** A tar of artifacts is a stranger's like any other. */
const limits = { entriesMax: 500_000, bytesMax: 16 * 1024 ** 3 };

/**
 * Runs `save-artifacts` in the image that was built before and takes what it writes to its standard output: a tar and nothing else. Gives the
 * entries for the next build, or why there are none: an incremental build that cannot save anything is an ordinary one, and says so.
 */
export async function saveArtifacts(
  options: SaveOptions,
  step: StepOptions,
): Promise<{ readonly entries: readonly TarEntry[] } | { readonly reason: string }> {
  const { store, signal } = step.context;
  const { previous, script, scriptsFolder } = options;
  if (script.kind === 'image' && !(await imageHolds(store, previous, script.path, signal)))
    return { reason: `the image before has no ${script.path}` };
  try {
    const own = scriptEntries(new Map([['save-artifacts', script]]), scriptsFolder);
    const inputs = own.length === 0 ? [] : [await inputLayer(previous, own, step.context)];
    const path = scriptPath(script, 'save-artifacts', scriptsFolder);
    const { output } = await runBuildStep(
      {
        name: 'save-artifacts',
        image: previous,
        inputs,
        // Standard output is bytes; a log is lines.
        command: ['/bin/sh', '-c', 'exec "$0" > /galley/out/artifacts.tar', path],
        user: options.user,
        env: options.env,
        secrets: {},
        egress: { index: false, hosts: [] },
        limits: options.limits,
        omit: [],
        keepCaches: false,
      },
      step,
    );
    const tar = output.files.get('artifacts.tar');
    if (tar === undefined || tar.size === 0) return { reason: 'save-artifacts wrote nothing' };
    return { entries: await readArtifacts(tar.file, options, step) };
  } catch (error) {
    signal.throwIfAborted();
    if (!(error instanceof GalleyError)) throw error;
    return { reason: error.message };
  }
}

async function readArtifacts(
  file: string,
  { folder, owner: { uid, gid } }: SaveOptions,
  { context, workDir }: StepOptions,
): Promise<readonly TarEntry[]> {
  const spool = await Spool.create(join(workDir, 'artifacts'));
  const entries = new Map<string, TarEntry>([[folder, { ...directoryEntry(folder), uid, gid }]]);
  try {
    for await (const entry of readTar(createReadStream(file), limits, context.signal)) {
      const path = `${folder}/${entry.path}`;
      const { content: _, linkTarget, ...rest } = entry;
      const mode = entry.mode & 0o777;
      const taken = { ...rest, path, mode, uid, gid };
      if (entry.type === 'hardlink') entries.set(path, { ...taken, linkTarget: `${folder}/${linkTarget}` });
      else if (entry.type === 'symlink') entries.set(path, { ...taken, linkTarget: linkTarget ?? '' });
      else if (entry.type === 'directory') entries.set(path, taken);
      else entries.set(path, { ...taken, content: (await spool.append(entry)).content });
    }
  } finally {
    await spool.close();
  }
  // What no layer can hold (a file in a file, a link to nothing) is said now: later it would end the build.
  orderEntries(entries.values());
  return [...entries.values()];
}

/** Whether an image has something at an absolute path, links on the way not followed. */
export async function imageHolds(
  store: ImageStore,
  image: Image,
  path: string,
  signal: AbortSignal,
): Promise<boolean> {
  const wanted = path.replace(/^\/+/, '');
  for await (const _ of visibleEntries(store, image.layers, (found) => found === wanted, signal)) return true;
  return false;
}
