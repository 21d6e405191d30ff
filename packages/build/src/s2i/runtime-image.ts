import { basename, join, posix } from 'node:path';
import { GalleyError } from '@galley/api/error/galley-error';
import { assembleImage } from '@galley/image/assemble/assemble-image';
import type { Layer } from '@galley/image/descriptor';
import type { ImageUser } from '@galley/image/facts/image-user';
import { visibleEntries } from '@galley/image/facts/visible-entries';
import type { Image } from '@galley/image/image';
import type { TarEntry } from '@galley/image/tar/entry';
import { runBuildStep } from '../build-step/build-step.ts';
import { changeLayers, type ChangeLayer } from '../build-step/change-layers.ts';
import type { ChangedEntry } from '../build-step/changes.ts';
import { ImageOwners } from '../build-step/image-owners.ts';
import { isScratch } from '../build-step/left-out.ts';
import { Spool } from '../build-step/spool.ts';
import type { Assembled } from './assemble.ts';
import { imageHolds } from './artifacts.ts';
import { scriptPath, withImageScripts, type Script, type Scripts } from './find-scripts.ts';
import { readBuilder, type BuilderFacts } from './labels.ts';
import { keptScripts, outputImage, runPath, scriptLayers, type MadeImage } from './output-image.ts';
import { generatedLabels, mergeLabels } from './output-labels.ts';
import type { RuntimeArtifact, RuntimeImage } from './s2i.ts';
import { ownScriptsFolder } from './upload.ts';
import { checkUids, type S2iWork } from './work.ts';

/** The runtime image and what is done to it. */
interface RuntimeWork {
  readonly work: S2iWork;
  readonly name: string;
  readonly image: Image;
  readonly facts: BuilderFacts;
  readonly imageOwners: ImageOwners;
  readonly user: string;
  readonly owner: ImageUser;
  readonly scripts: Scripts;
  /** Where scripts that were brought along lie, without a leading slash. */
  readonly scriptsFolder: string;
}

/**
 * Carries artifacts from the builder's result over to another image and runs its `assemble-runtime` there, if there is one (builders.md §1.3.10). Artifacts
 * are read out of layers: nothing runs for it, and nothing but them comes along. Throws `BUILDER_INVALID` and the errors of build steps.
 */
export async function buildRuntimeImage(
  work: S2iWork,
  asked: RuntimeImage,
  { changes, labels }: Assembled,
): Promise<MadeImage> {
  const runtime = await openRuntime(work, asked);
  const { context, request } = work;
  const made = await scriptLayers(changes, work.finder, context);
  const built = [...request.builder.image.layers, ...made.map(({ layer }) => layer)];
  const entries = await carryArtifacts(runtime, asked, built);
  const carried = await scriptLayers(
    { entries, whiteouts: [], warnings: [], collected: new Map() },
    work.finder,
    context,
  );
  const carriedImage = await assembleImage(context.store, {
    base: runtime.image,
    layers: carried.map(({ layer }) => layer),
    config: {},
  });
  const scripts = await keptScripts(carriedImage, runtime.scripts, runtime.scriptsFolder, context);
  const assembled = await assembleRuntime(runtime, carriedImage, scripts);
  // The scripts lay below what assemble-runtime changed, and do so here: its word on a folder is the last.
  const layers: readonly ChangeLayer[] = [...carried, ...scripts, ...assembled];
  const image = await outputImage(
    {
      base: runtime.image,
      layers: layers.map(({ layer }) => layer),
      run: runPath(runtime.scripts, runtime.scriptsFolder, runtime.name),
      env: work.env,
      labels: mergeLabels(
        runtime.image.config.config.Labels ?? {},
        generatedLabels(request, work.tree),
        labels,
      ),
    },
    context,
  );
  return { image, layers };
}

async function openRuntime(work: S2iWork, runtime: RuntimeImage): Promise<RuntimeWork> {
  const { request, context } = work;
  const facts = readBuilder(runtime.image);
  const user = request.assembleRuntimeUser ?? facts.assembleRuntimeUser ?? facts.user;
  checkUids(request, runtime.name, [facts.user, user]);
  const imageOwners = await ImageOwners.open(runtime.image, context);
  const folder = posix.join(facts.workingDir, 'scripts').slice(1);
  return {
    work,
    name: runtime.name,
    image: runtime.image,
    facts,
    user,
    imageOwners,
    owner: imageOwners.user(user),
    scripts: withImageScripts(work.foundScripts, facts.scriptsUrl),
    scriptsFolder: isScratch(folder) ? ownScriptsFolder : folder,
  };
}

async function assembleRuntime(
  runtime: RuntimeWork,
  image: Image,
  scripts: readonly ChangeLayer[],
): Promise<readonly ChangeLayer[]> {
  const { work, scriptsFolder } = runtime;
  const { context, request } = work;
  const script = await existing(runtime, image);
  if (script === undefined) return [];
  const { changes } = await runBuildStep(
    {
      name: 'assemble-runtime',
      image,
      inputs: scripts.map(({ layer }) => layer),
      command: [scriptPath(script, 'assemble-runtime', scriptsFolder)],
      user: runtime.user,
      env: Object.fromEntries(work.env),
      secrets: {},
      egress: { index: true, hosts: request.egressHosts },
      limits: request.limits,
      omit: [scriptsFolder],
      keepCaches: false,
    },
    work.step,
  );
  work.warnings.push(...changes.warnings);
  return changeLayers(changes, [{ role: 'runtime', holds: () => true }], {
    context,
    createdBy: 'galley s2i',
  });
}

/** `assemble-runtime`, if there is one: an image that names a folder of scripts need not have it. */
async function existing({ scripts, work }: RuntimeWork, image: Image): Promise<Script | undefined> {
  const script = scripts.get('assemble-runtime');
  if (script?.kind !== 'image') return script;
  const { store, signal } = work.context;
  return (await imageHolds(store, image, script.path, signal)) ? script : undefined;
}

/** `src[:dest];src2`, as the label and the flag write it. Throws `BUILDER_INVALID`. */
export function parseArtifacts(text: string): readonly RuntimeArtifact[] {
  return text
    .split(';')
    .map((part) => part.trim())
    .filter((part) => part !== '')
    .map((part) => {
      const [source = '', target = ''] = part.split(':', 2);
      const clean = posix.normalize(target === '' ? '.' : target).replace(/\/+$/, '');
      if (
        !source.startsWith('/') ||
        clean.startsWith('..') ||
        clean.startsWith('/') ||
        /[*?[]/.test(source)
      ) {
        throw new GalleyError('BUILDER_INVALID', `${JSON.stringify(part)} is no artifact.`, {
          hint: 'Write /absolute/path, or /absolute/path:folder for a folder below the working directory of the runtime image; no wildcards.',
          details: { artifact: part },
        });
      }
      return { source: posix.normalize(source).replace(/(.)\/+$/, '$1'), target: clean === '.' ? '' : clean };
    });
}

/** The artifacts as entries of the runtime image: modes 0755 and 0644, owned by who runs `assemble-runtime`. */
async function carryArtifacts(
  runtime: RuntimeWork,
  { artifacts: given }: RuntimeImage,
  built: readonly Layer[],
): Promise<readonly ChangedEntry[]> {
  const { work, facts } = runtime;
  const { request, step } = work;
  const artifacts = given.length > 0 ? given : parseArtifacts(facts.assembleInputFiles ?? '');
  if (artifacts.length === 0) {
    throw new GalleyError('BUILDER_INVALID', `Nothing says what ${runtime.name} is to get.`, {
      hint: 'Name it: --runtime-artifact /path:folder, or the label io.openshift.s2i.assemble-input-files.',
    });
  }
  const spool = await Spool.create(join(step.workDir, 'runtime-artifacts'));
  const carried = new Map<string, ChangedEntry>();
  try {
    for (const artifact of artifacts) {
      const found = await readArtifact(artifact, runtime, built, spool);
      if (found.length === 0) {
        const text = `The result of ${request.builder.name} has no ${artifact.source}.`;
        throw new GalleyError('BUILDER_INVALID', text, {
          hint: 'Give the whole path that assemble makes; links on the way are not followed.',
          details: { path: artifact.source },
        });
      }
      for (const entry of found) carried.set(entry.path, entry);
    }
  } finally {
    await spool.close();
  }
  return runtime.imageOwners.withParents([...carried.values()], runtime.owner);
}

async function readArtifact(
  { source, target }: RuntimeArtifact,
  { work, facts, owner }: RuntimeWork,
  built: readonly Layer[],
  spool: Spool,
): Promise<readonly ChangedEntry[]> {
  const { store, signal } = work.context;
  const root = source.slice(1);
  const base = posix.join(facts.workingDir, target, basename(source)).slice(1);
  const isWanted = (path: string): boolean => path === root || path.startsWith(`${root}/`);
  const own = { uid: owner.uid, gid: owner.gid };
  const entries: ChangedEntry[] = [];
  for await (const entry of visibleEntries(store, built, isWanted, signal)) {
    const path = entry.path === root ? base : `${base}/${entry.path.slice(root.length + 1)}`;
    entries.push({ ...(await copyEntry(entry, spool)), path, ...own });
  }
  return entries;
}

async function copyEntry(entry: TarEntry, spool: Spool): Promise<Omit<ChangedEntry, 'uid' | 'gid'>> {
  const { path, type, size, linkTarget } = entry;
  const mode =
    type === 'symlink' ? 0o777 : type === 'directory' || (entry.mode & 0o111) !== 0 ? 0o755 : 0o644;
  if (type === 'hardlink') {
    throw new GalleyError(
      'BUILDER_INVALID',
      `/${path} is a hard link of the builder image and cannot be carried over.`,
      {
        hint: 'Let assemble copy it.',
        details: { path },
      },
    );
  }
  if (type !== 'file')
    return { path, type, mode, size: 0, ...(linkTarget === undefined ? {} : { linkTarget }) };
  return { path, type, mode, size, ...(await spool.append(entry)) };
}
