import { countOf } from '@galley/api/kind/count';
import { GalleyError } from '@galley/api/error/galley-error';
import type { ImageUser } from '@galley/image/facts/image-user';
import type { StepOptions } from '../build-step/build-step.ts';
import { ImageOwners } from '../build-step/image-owners.ts';
import type { BuildContext } from '../build.ts';
import type { PhaseLog } from '../plan/phase-log.ts';
import { openSource } from '../source/open-source.ts';
import type { SourceTree } from '../source/source-tree.ts';
import { findScripts, requireScript, withImageScripts, type Scripts } from './find-scripts.ts';
import { readBuilder } from './labels.ts';
import type { S2iRequest, Variables } from './s2i.ts';
import { readSourceFiles, type SourceFiles } from './source-files.ts';
import { SourceFinder } from './source-finder.ts';
import { hashSource, placesOf, type Places } from './upload.ts';

/** What is known before anything runs. */
export interface S2iWork {
  readonly request: S2iRequest;
  readonly context: BuildContext;
  readonly phases: PhaseLog;
  readonly step: StepOptions;
  readonly tree: SourceTree;
  readonly files: SourceFiles;
  /** Those that go before an image's own, whichever image it is. */
  readonly foundScripts: Scripts;
  /** With those of the builder image. */
  readonly scripts: Scripts;
  readonly places: Places;
  /** Of the image, and of every script. */
  readonly env: Variables;
  /** Who runs `assemble`, as the image writes it, and by ids. */
  readonly user: string;
  readonly owner: ImageUser;
  readonly imageOwners: ImageOwners;
  readonly finder: SourceFinder;
  readonly hashes: ReadonlyMap<string, readonly string[]>;
  readonly warnings: string[];
}

/**
 * Reads the source and finds the scripts; nothing runs yet. Throws `BUILDER_INVALID` and the errors of sources.
 */
export async function prepareS2i(
  request: S2iRequest,
  { context, phases, step }: Pick<S2iWork, 'context' | 'phases' | 'step'>,
): Promise<S2iWork> {
  const { signal } = context;
  const { image, name } = request.builder;
  const facts = readBuilder(image);
  const { tree, files } = await phases.run('source', async (end) => {
    const opened = await openSource(request.source, {
      ...context,
      object: `build/${request.name}`,
      workDir: step.workDir,
    });
    const read = await readSourceFiles(opened, request.exclude);
    end({ state: 'done', reason: `${opened.origin}, ${countOf(read.entries.length, 'file')}` });
    return { tree: opened, files: read };
  });
  const destination = request.destination ?? facts.destination;
  const user = request.assembleUser ?? facts.assembleUser ?? facts.user;
  checkUids(request, name, [facts.user, user]);
  const {
    imageOwners,
    found: foundScripts,
    scripts,
  } = await phases.run('scripts', async (end) => {
    const found = await findScripts(request, { tree, files }, signal);
    const all = withImageScripts(found, facts.scriptsUrl);
    requireScript(all, 'assemble', name);
    if (request.runtime === undefined) requireScript(all, 'run', name);
    const own = [...all].filter(([, script]) => script.kind === 'external').map(([script]) => script);
    end({ state: 'done', reason: own.length === 0 ? `of ${name}` : `${own.join(', ')} brought along` });
    return { imageOwners: await ImageOwners.open(image, context), found, scripts: all };
  });
  const hashes = await hashSource(files.entries);
  return {
    request,
    context,
    phases,
    step,
    tree,
    files,
    foundScripts,
    scripts,
    places: placesOf(destination),
    env: [...files.env, ...request.env],
    user,
    owner: imageOwners.user(user),
    imageOwners,
    finder: new SourceFinder(files.entries, hashes),
    hashes,
    warnings: [],
  };
}

/** Throws `BUILDER_INVALID` when only some users are allowed and an image names another, or one that is no number. */
export function checkUids(
  { allowedUids }: Pick<S2iRequest, 'allowedUids'>,
  name: string,
  users: readonly string[],
): void {
  if (allowedUids.length === 0) return;
  for (const user of users) {
    const id = user.split(':')[0] ?? '';
    const uid = id === '' ? 0 : /^\d+$/.test(id) ? Number(id) : undefined;
    if (uid !== undefined && allowedUids.some(([from, to]) => uid >= from && uid <= to)) continue;
    throw new GalleyError(
      'BUILDER_INVALID',
      `${name} runs as the user ${JSON.stringify(user)}, which --allowed-uids does not allow.`,
      {
        hint: 'Name a numeric user of the range with --assemble-user, or take another builder.',
        details: { user },
      },
    );
  }
}
