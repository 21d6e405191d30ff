import { randomUUID } from 'node:crypto';
import { rm } from 'node:fs/promises';
import { countOf } from '@galley/api/kind/count';
import type { Image } from '@galley/image/image';
import { assembleImage } from '@galley/image/assemble/assemble-image';
import type { BuildContext, BuildOptions, BuildResult, LayerRecord, SourceSpec } from './build.ts';
import type { BuildWork } from './plan/build-work.ts';
import { postBuild, type PostBuild } from './plan/post-build.ts';
import { readRecipe } from './plan/read-recipe.ts';
import { finish, trainOnce, type Finished } from './plan/train-and-rehearse.ts';
import type { CachedLayer } from './cache/layer-cache.ts';
import { makeCodeLayer } from './layers/make-code-layer.ts';
import { imageConfig, type ImageFacts } from './layers/image-config.ts';
import { layerRecord } from './plan/layer-record.ts';
import { lockChoices } from './plan/lock-choices.ts';
import { PhaseLog } from './plan/phase-log.ts';
import { prepareEnvironment, type Environment } from './plan/prepare-environment.ts';
import { recipeRecord } from './plan/recipe-record.ts';
import { resolveSettings } from './plan/settings.ts';
import { mergeSecretUses, secretsOfPhase } from './secret/secret-use.ts';
import { openSource } from './source/open-source.ts';
import { trainingKey, type TrainingInputs } from './training/training-key.ts';
import { makeWorkFolder, sweepWorkFolders } from './cache/work-folder.ts';
import { sweepWorkloads } from './workload/leftovers.ts';

/**
 * From a repository to a service image (DESIGN.md §1). Every step is skipped when its key is known, so a build that was killed goes on from
 * what was complete, and nothing half-made is ever visible: images are written last. Throws the errors of `# build` in docs/errors.md.
 */
export async function buildRepository(
  source: SourceSpec,
  options: BuildOptions,
  context: BuildContext,
): Promise<BuildResult> {
  // Before the first layer is found: pruning beside a build takes nothing that it relies on.
  const lease = await context.store.lease(`build ${options.name}`);
  try {
    return await buildLeased(source, options, context);
  } finally {
    await lease.release();
  }
}

async function buildLeased(
  source: SourceSpec,
  options: BuildOptions,
  context: BuildContext,
): Promise<BuildResult> {
  const object = `build/${options.name}`;
  const phases = new PhaseLog(context.emit, object);
  await sweepWorkFolders(context.cacheDir);
  const workDir = await makeWorkFolder(context.cacheDir, randomUUID());
  try {
    const tree = await phases.run('source', async (end) => {
      const opened = await openSource(source, { ...context, object, workDir });
      end({ state: 'done', reason: `${opened.origin}, ${countOf(opened.entries.length, 'file')}` });
      return opened;
    });
    const recipe = await phases.run('recipe', (end) => readRecipe(tree, { options, context, object, end }));
    const settings = resolveSettings(options, recipe.settings);
    const uses = mergeSecretUses(recipe.settings?.secrets, options.secrets);
    // Now, and not when they are needed: one that is missing must not cost the lock and the layers.
    const secrets = {
      build: secretsOfPhase(uses, 'build', options.reveal),
      service: secretsOfPhase(uses, 'service', options.reveal),
    };
    const work: BuildWork = {
      context,
      options,
      object,
      phases,
      workDir,
      recipe,
      settings,
      choices: lockChoices(options, recipe, tree),
      secrets,
      source: tree,
      tree: recipe.tree,
    };
    const environment = await prepareEnvironment(work);
    const result = await buildImages(work, environment);
    const before = new Date(performance.timeOrigin).toISOString();
    await sweepWorkloads(context.engine, { project: options.project, application: options.name, before });
    return result;
  } finally {
    await rm(workDir, { recursive: true, force: true });
  }
}

async function buildImages(work: BuildWork, environment: Environment): Promise<BuildResult> {
  const { context, phases, source, tree, recipe } = work;
  const read = recipeRecord(recipe, environment.locked);
  const facts: ImageFacts = {
    source: source.digest,
    lock: environment.lockDigest,
    base: environment.base.lockDigest,
    reproducible: environment.base.reproducible,
    commit: source.commit,
    environment: recipe.environment,
    asOf: read.asOf,
    changes: read.changes,
  };
  const { code, image, post } = await environmentImage(work, environment, facts);
  const inputs = await trainingInputs(work, environment);
  const key = trainingKey(inputs);
  const { training, reused } = await trainOnce(work, inputs, image);
  const candidate = await phases.run('candidate', async (end) => {
    const made = await assembleImage(context.store, {
      layers: [...environment.serving, code.layer, ...post.layers, training.layer],
      config: imageConfig('candidate', facts),
    });
    end({ state: 'done', reason: countOf(made.layers.length, 'layer') });
    return made;
  });
  const finished = await finish(work, { candidate, training, key });
  const records = [
    ...environment.records,
    ...post.records,
    ...imageRecords(work, { code, training: training.layer, reused, finished }),
  ];
  return {
    image: finished.service.digest,
    environment: image.digest,
    candidate: candidate.digest,
    sourceDigest: source.digest,
    lockDigest: environment.lockDigest,
    trainingKey: key,
    layers: records,
    phases: phases.records,
    report: training.report,
    executedNotebook: training.executedNotebook,
    reference: finished.rehearsal.reference,
    schema: finished.rehearsal.schema,
    golden: finished.rehearsal.golden,
    model: training.model,
    recipe: read,
    recipeBlob: (
      await context.store.write(Buffer.from(JSON.stringify(read)), { mediaType: 'application/json' })
    ).digest,
    settings: recipe.settings,
    warnings: [
      ...tree.warnings,
      ...recipe.requirements.warnings,
      ...systemWarnings(environment),
      ...post.warnings,
      ...training.warnings,
    ],
  };
}

/** The image that the notebooks run in: with what postBuild left, when there is one. */
async function environmentImage(
  work: BuildWork,
  environment: Environment,
  facts: ImageFacts,
): Promise<{ code: CachedLayer; image: Image; post: PostBuild }> {
  const { context, phases } = work;
  const code = await makeCodeLayer(work.tree, context);
  const assemble = (layers: readonly Image['layers'][number][]): Promise<Image> =>
    assembleImage(context.store, {
      layers: [...environment.serving, ...environment.running, code.layer, ...layers],
      config: imageConfig('environment', facts),
    });
  const post = await postBuild(work, () => assemble([]));
  const image = await phases.run('environment', async (end) => {
    const made = await assemble(post.layers);
    end({ state: code.cached ? 'skipped' : 'done', reason: countOf(made.layers.length, 'layer') });
    return made;
  });
  return { code, image, post };
}

/** What decides a training besides source and lock. The source that goes into images may lack the files that say it. */
async function setUpTexts({ recipe, source }: BuildWork): Promise<readonly string[]> {
  const { systemPackages, environment, postBuild: script } = recipe;
  const file = script === undefined ? undefined : source.find(script);
  return [
    ...systemPackages,
    ...Object.entries(environment).map(([name, value]) => `${name}=${value}`),
    ...(file === undefined ? [] : [(await source.read(file)).toString('utf8')]),
  ];
}

/** A package that is not set up may do only a part of what it should. */
function systemWarnings({ base }: Environment): readonly string[] {
  const { notSetUp } = base.system;
  return notSetUp.length === 0
    ? []
    : [`apt.txt: the set-up scripts of these packages failed: ${notSetUp.join(', ')}`];
}

async function trainingInputs(work: BuildWork, environment: Environment): Promise<TrainingInputs> {
  const { build } = work.secrets;
  return {
    project: work.options.project,
    source: work.tree.digest,
    lock: environment.lockDigest,
    python: environment.locked.python.version,
    notebooks: work.recipe.notebooks.map(({ path }) => path),
    setUp: await setUpTexts(work),
    secretPaths: [...Object.keys(build.files), ...Object.values(build.env)],
  };
}

/** The layers of the service image above the environment. */
function imageRecords(
  { recipe, tree }: BuildWork,
  made: { code: CachedLayer; training: Image['layers'][number]; reused: boolean; finished: Finished },
): readonly LayerRecord[] {
  const { code, training, reused, finished } = made;
  const { bytecode, rehearsal } = finished;
  return [
    layerRecord('code', code.layer, code.cached, tree.origin),
    layerRecord('model', training, reused, recipe.notebooks.map(({ path }) => path).join(', ')),
    layerRecord('bytecode', bytecode.layer, bytecode.cached, countOf(rehearsal.modules.length, 'module')),
    layerRecord('rehearsed', rehearsal.layer, finished.reused, 'rehearsal'),
  ];
}
