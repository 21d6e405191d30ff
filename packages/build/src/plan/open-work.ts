import { randomUUID } from 'node:crypto';
import { rm } from 'node:fs/promises';
import { countOf } from '@galley/api/kind/count';
import type { BuildContext, BuildOptions, SourceSpec } from '../build.ts';
import { withRepair } from '../cache/repair.ts';
import { makeWorkFolder, sweepWorkFolders } from '../cache/work-folder.ts';
import { mergeSecretUses, secretsOfPhase } from '../secret/secret-use.ts';
import { openSource } from '../source/open-source.ts';
import { sweepWorkloads } from '../workload/leftovers.ts';
import type { BuildWork } from './build-work.ts';
import { lockChoices } from './lock-choices.ts';
import { PhaseLog } from './phase-log.ts';
import { readRecipe } from './read-recipe.ts';
import { resolveSettings } from './settings.ts';

/**
 * Opens and reads a source and hands it to `use`, in a folder of its own that goes afterwards. `open`: nothing of it will run, so that it may hold
 * no notebook, or several. Throws what reading throws.
 */
export async function withBuildWork<Result>(
  source: SourceSpec,
  how: { readonly options: BuildOptions; readonly context: BuildContext; readonly open: boolean },
  use: (work: BuildWork) => Promise<Result>,
): Promise<Result> {
  const { options, context } = how;
  // Before the first layer is found: pruning beside a build takes nothing that it relies on.
  const lease = await context.store.lease(`build ${options.name}`);
  try {
    await sweepWorkFolders(context.cacheDir);
    const attempt = (): Promise<Result> => inWorkFolder(source, how, use);
    return await withRepair(attempt, { emit: context.emit, object: `build/${options.name}` });
  } finally {
    await lease.release();
  }
}

async function inWorkFolder<Result>(
  source: SourceSpec,
  how: { readonly options: BuildOptions; readonly context: BuildContext; readonly open: boolean },
  use: (work: BuildWork) => Promise<Result>,
): Promise<Result> {
  const { options, context } = how;
  const workDir = await makeWorkFolder(context.cacheDir, randomUUID());
  try {
    const result = await use(await openWork(source, { ...how, workDir }));
    const before = new Date(performance.timeOrigin).toISOString();
    await sweepWorkloads(context.engine, { project: options.project, application: options.name, before });
    return result;
  } finally {
    await rm(workDir, { recursive: true, force: true });
  }
}

async function openWork(
  source: SourceSpec,
  {
    options,
    context,
    open,
    workDir,
  }: {
    readonly options: BuildOptions;
    readonly context: BuildContext;
    readonly open: boolean;
    readonly workDir: string;
  },
): Promise<BuildWork> {
  const object = `build/${options.name}`;
  const phases = new PhaseLog(context.emit, object);
  const tree = await phases.run('source', async (end) => {
    const opened = await openSource(source, { ...context, object, workDir });
    end({ state: 'done', reason: `${opened.origin}, ${countOf(opened.entries.length, 'file')}` });
    return opened;
  });
  const recipe = await phases.run('recipe', (end) =>
    readRecipe(tree, { options, context, object, open, end }),
  );
  const uses = mergeSecretUses(recipe.settings?.secrets, options.secrets);
  return {
    context,
    options,
    object,
    phases,
    workDir,
    recipe,
    settings: resolveSettings(options, recipe.settings),
    choices: lockChoices(options, recipe, tree),
    // Now, and not when they are needed: one that is missing must not cost the lock and the layers.
    secrets: {
      build: secretsOfPhase(uses, 'build', options.reveal),
      service: secretsOfPhase(uses, 'service', options.reveal),
    },
    source: tree,
    tree: recipe.tree,
  };
}
