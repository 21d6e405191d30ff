import { countOf } from '@galley/api/kind/count';
import type { Image } from '@galley/image/image';
import { assembleImage } from '@galley/image/assemble/assemble-image';
import { checkExpected } from './bundle/carried.ts';
import type { BuildContext, BuildOptions, BuildResult, LayerRecord, SourceSpec } from './build.ts';
import type { BuildWork } from './plan/build-work.ts';
import type { CachedLayer } from './cache/layer-cache.ts';
import { imageConfig, type ImageFacts } from './layers/image-config.ts';
import { beginBytecode } from './plan/early-bytecode.ts';
import { environmentImage, environmentWarnings, imageFacts } from './plan/environment-image.ts';
import { layerRecord } from './plan/layer-record.ts';
import { withBuildWork } from './plan/open-work.ts';
import { prepareEnvironment, type Environment } from './plan/prepare-environment.ts';
import { recipeRecord } from './plan/recipe-record.ts';
import { finish, trainOnce, type Finished } from './plan/train-and-rehearse.ts';
import type { PostBuild } from './plan/post-build.ts';
import type { Training } from './training/training.ts';
import { trainingKey, type TrainingInputs } from './training/training-key.ts';

/** What a build made its images of, for whoever takes them elsewhere. */
export interface BuildParts {
  readonly result: BuildResult;
  readonly environment: Environment;
  readonly post: PostBuild;
  readonly training: Awaited<ReturnType<typeof trainOnce>>['training'];
  readonly finished: Finished;
}

/**
 * From a repository to a service image (DESIGN.md §1). Every step is skipped when its key is known, so a build that was killed goes on from
 * what was complete, and nothing half-made is ever visible: images are written last. Throws the errors of `# build` in docs/errors.md.
 */
export async function buildRepository(
  source: SourceSpec,
  options: BuildOptions,
  context: BuildContext,
): Promise<BuildResult> {
  return (await buildParts(source, options, context)).result;
}

/** The same, with what the images were made of. */
export function buildParts(
  source: SourceSpec,
  options: BuildOptions,
  context: BuildContext,
): Promise<BuildParts> {
  return withBuildWork(source, { options, context, open: false }, async (work) =>
    buildImages(work, await prepareEnvironment(work, 'run')),
  );
}

async function buildImages(work: BuildWork, environment: Environment): Promise<BuildParts> {
  const { context, phases, source, recipe } = work;
  const read = recipeRecord(recipe, environment.locked);
  const facts = imageFacts(work, environment, read);
  const { code, image, post } = await environmentImage(work, environment, {
    kind: 'environment',
    facts,
  });
  checkExpected('environment', image.digest, context.carried);
  const made = { facts, code, image, post };
  const { training, reused, key, candidate, finished } = await trainAndFinish(work, environment, made);
  const records = [
    ...environment.records,
    ...post.records,
    ...imageRecords(work, { code, training: training.layer, reused, finished }),
  ];
  const result: BuildResult = {
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
    warnings: [...environmentWarnings(work, environment, post), ...training.warnings],
  };
  return { result, environment, post, training, finished };
}

/** Runs the notebooks and compiles beside them what the model will most likely import, then rehearses. */
async function trainAndFinish(
  work: BuildWork,
  environment: Environment,
  { facts, code, image, post }: { facts: ImageFacts; code: CachedLayer; image: Image; post: PostBuild },
): Promise<{ training: Training; reused: boolean; key: string; candidate: Image; finished: Finished }> {
  const { context, phases } = work;
  const inputs = await trainingInputs(work, environment);
  const key = trainingKey(inputs);
  // What a postBuild laid down is compiled, too.
  const dependencies = [...environment.serving, ...post.layers];
  const bytecode = beginBytecode(work, dependencies);
  try {
    const { training, reused } = await trainOnce(work, { inputs, key, image });
    const candidate = await phases.run('candidate', async (end) => {
      const made = await assembleImage(context.store, {
        layers: [...environment.serving, code.layer, ...post.layers, training.layer],
        config: imageConfig('candidate', facts),
      });
      end({ state: 'done', reason: countOf(made.layers.length, 'layer') });
      return made;
    });
    const finished = await finish(work, { candidate, training, key, dependencies, bytecode });
    return { training, reused, key, candidate, finished };
  } finally {
    await bytecode.end();
  }
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
