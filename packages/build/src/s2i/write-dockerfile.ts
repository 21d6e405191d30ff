import { createReadStream, createWriteStream } from 'node:fs';
import { chmod, mkdir, readdir, symlink, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { GalleyError } from '@galley/api/error/galley-error';
import type { Image } from '@galley/image/image';
import type { BuildContext } from '../build.ts';
import { openSource } from '../source/open-source.ts';
import type { SourceEntry } from '../source/source-tree.ts';
import { dockerfile } from './dockerfile.ts';
import { findScripts, requireScript, withImageScripts, type Scripts } from './find-scripts.ts';
import { readBuilder } from './labels.ts';
import type { S2iRequest } from './s2i.ts';
import { readSourceFiles } from './source-files.ts';

/** As for a build; the builder image need not be at hand. */
export type DockerfileRequest = Omit<S2iRequest, 'builder'> & {
  readonly builder: { readonly name: string; readonly image: Image | undefined };
};

export interface DockerfileOptions {
  /** The Dockerfile; its context goes to `upload/` beside it. */
  readonly path: string;
  /** Where an image that is not at hand has its scripts: `image:///usr/libexec/s2i`. */
  readonly imageScriptsUrl: string;
  /** Private to the caller. */
  readonly workDir: string;
  readonly context: Pick<BuildContext, 'cacheDir' | 'signal' | 'store'>;
}

/** The user of an image that is not at hand, as source-to-image assumes it. */
const assumedUser = '1001';

/**
 * Writes a build as a Dockerfile with its context, and gives warnings; nothing runs. Throws `EXPORT_EXISTS` where there is a context already, since its
 * files would be mixed with ours, `BUILDER_INVALID`, and the errors of sources.
 */
export async function writeDockerfile(
  request: DockerfileRequest,
  options: DockerfileOptions,
): Promise<readonly string[]> {
  const { context, path, workDir } = options;
  const { image, name } = request.builder;
  const upload = join(dirname(path), 'upload');
  await claim(upload);
  const facts = image === undefined ? undefined : readBuilder(image);
  const tree = await openSource(request.source, { ...context, workDir });
  const files = await readSourceFiles(tree, request.exclude);
  const imageUrl = facts === undefined ? options.imageScriptsUrl : facts.scriptsUrl;
  const scripts = withImageScripts(await findScripts(request, { tree, files }, context.signal), imageUrl);
  requireScript(scripts, 'assemble', name);
  requireScript(scripts, 'run', name);
  await mkdir(join(upload, 'src'), { recursive: true });
  for (const entry of files.entries) await writeEntry(join(upload, 'src', entry.path), entry);
  const user = request.assembleUser ?? facts?.assembleUser ?? facts?.user ?? assumedUser;
  const text = dockerfile({
    request,
    tree,
    scripts: await writeScripts(join(upload, 'scripts'), scripts),
    scriptPaths: new Map(
      [...scripts].flatMap(([script, found]) => (found.kind === 'image' ? [[script, found.path]] : [])),
    ),
    destination: request.destination ?? facts?.destination ?? '/tmp',
    user: user === '' ? 'root' : user,
    env: [...files.env, ...request.env],
    injections: request.injections,
    previous: request.incremental ? request.tag : undefined,
  });
  await writeFile(path, text);
  const assumed = image === undefined ? [`${name} is not here: its user is taken to be ${user}`] : [];
  return [...tree.warnings, ...files.warnings, ...assumed];
}

/** Throws unless nothing is there, or an empty folder. */
async function claim(folder: string): Promise<void> {
  if ((await readdir(folder).catch(() => [])).length === 0) return;
  throw new GalleyError('EXPORT_EXISTS', `${folder} holds something already.`, {
    hint: `Name a file in another folder, or remove it first: rm -r ${folder}`,
    details: { path: folder },
  });
}

async function writeScripts(folder: string, scripts: Scripts): Promise<readonly string[]> {
  const brought: string[] = [];
  for (const [name, script] of scripts) {
    if (script.kind === 'image') continue;
    await mkdir(folder, { recursive: true });
    await writeFile(join(folder, name), script.content, { mode: 0o755 });
    brought.push(name);
  }
  return brought;
}

/** Paths of a source are checked: they stay below, and no link of it leads out. */
async function writeEntry(path: string, entry: SourceEntry): Promise<void> {
  await mkdir(dirname(path), { recursive: true });
  if (entry.kind === 'link') {
    await symlink(entry.target, path);
    return;
  }
  if (Buffer.isBuffer(entry.content)) await writeFile(path, entry.content, { flag: 'wx' });
  else await pipeline(createReadStream(entry.content.spooled), createWriteStream(path, { flags: 'wx' }));
  await chmod(path, entry.mode);
}
