import { randomUUID } from 'node:crypto';
import { readFile, rm } from 'node:fs/promises';
import { supportedPythons } from './base/base-lock.ts';
import type { Image } from '@galley/image/image';
import { appendLayers } from '@galley/image/assemble/append-layers';
import { assembleImage } from '@galley/image/assemble/assemble-image';
import type { BuildContext, BuildOptions, BuildResult, LayerRecord, SourceSpec } from './build.ts';
import type { CachedLayer } from './cache/layer-cache.ts';
import { RecordCache } from './cache/record-cache.ts';
import { makeCodeLayer } from './layers/make-code-layer.ts';
import { imageConfig, type ImageFacts } from './layers/image-config.ts';
import { PhaseLog } from './plan/phase-log.ts';
import { prepareEnvironment, type Environment } from './plan/prepare-environment.ts';
import { resolveSettings, type BuildSettings } from './plan/settings.ts';
import { makeRecipe, type Recipe } from './recipe/recipe.ts';
import { bytecodeLayer } from './rehearsal/bytecode.ts';
import { findRehearsal, rehearse, type Rehearsal, type RehearseOptions } from './rehearsal/rehearse.ts';
import { smokeCheck } from './rehearsal/smoke-check.ts';
import { openSource } from './source/open-source.ts';
import type { SourceTree } from './source/source-tree.ts';
import { findTraining, train, type Training } from './training/train.ts';
import { trainingKey } from './training/training-key.ts';
import type { JsonObject } from './workload/read-json.ts';
import { makeWorkFolder, sweepWorkFolders } from './cache/work-folder.ts';
import { sweepWorkloads } from './workload/leftovers.ts';

/** What every step of one build shares. */
interface Work {
  readonly context: BuildContext;
  readonly options: BuildOptions;
  readonly object: string;
  readonly phases: PhaseLog;
  readonly workDir: string;
  readonly tree: SourceTree;
  readonly recipe: Recipe;
  readonly settings: BuildSettings;
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
  const object = `build/${options.name}`;
  const phases = new PhaseLog(context.emit, object);
  await sweepWorkFolders(context.cacheDir);
  const workDir = await makeWorkFolder(context.cacheDir, randomUUID());
  try {
    const tree = await phases.run('source', async (end) => {
      const opened = await openSource(source, { store: context.store, workDir, signal: context.signal });
      end({ state: 'done', reason: `${opened.origin}, ${opened.entries.length} files` });
      return opened;
    });
    const recipe = await phases.run('recipe', async (end) => {
      const made = await makeRecipe(tree, {
        notebooks: options.notebooks,
        python: options.python,
        supportedPythons,
        signal: context.signal,
      });
      end({
        state: 'done',
        reason: `${made.notebooks.map(({ path }) => path).join(', ')}; Python ${made.python} (${made.pythonFrom})`,
      });
      return made;
    });
    const settings = resolveSettings(options, recipe.settings);
    const work = { context, options, object, phases, workDir, tree, recipe, settings };
    const environment = await prepareEnvironment(recipe, {
      context,
      phases,
      object,
      project: options.project,
      application: options.name,
      workDir,
    });
    const result = await buildImages(work, environment);
    const before = new Date(performance.timeOrigin).toISOString();
    await sweepWorkloads(context.engine, { project: options.project, application: options.name, before });
    return result;
  } finally {
    await rm(workDir, { recursive: true, force: true });
  }
}

async function buildImages(work: Work, environment: Environment): Promise<BuildResult> {
  const { context, phases, tree, recipe } = work;
  const facts: ImageFacts = {
    source: tree.digest,
    lock: environment.lockDigest,
    base: environment.base.lockDigest,
    commit: tree.commit,
  };
  const { code, image } = await phases.run('environment', async (end) => {
    const layer = await makeCodeLayer(tree, context);
    const made = await assembleImage(context.store, {
      layers: [...environment.serving, ...environment.running, layer.layer],
      config: imageConfig('environment', facts),
    });
    end({ state: layer.cached ? 'skipped' : 'done', reason: `${made.layers.length} layers` });
    return { code: layer, image: made };
  });
  const key = trainingKey({
    source: tree.digest,
    lock: environment.lockDigest,
    python: recipe.python,
    notebooks: recipe.notebooks.map(({ path }) => path),
    secretPaths: Object.keys(work.options.secrets),
  });
  const { training, reused } = await trainOnce(work, key, image);
  const candidate = await phases.run('candidate', async (end) => {
    const made = await assembleImage(context.store, {
      layers: [...environment.serving, code.layer, training.layer],
      config: imageConfig('candidate', facts),
    });
    end({ state: 'done', reason: `${made.layers.length} layers` });
    return made;
  });
  const finished = await finish(work, { candidate, training, key });
  const records = [
    ...environment.records,
    record('code', code.layer, code.cached, work.tree.origin),
    record('model', training.layer, reused, recipe.notebooks.map(({ path }) => path).join(', ')),
    record(
      'bytecode',
      finished.bytecode.layer,
      finished.bytecode.cached,
      `${finished.rehearsal.modules.length} modules`,
    ),
    record('rehearsed', finished.rehearsal.layer, finished.reused, 'rehearsal'),
  ];
  return {
    image: finished.service.digest,
    environment: image.digest,
    candidate: candidate.digest,
    sourceDigest: tree.digest,
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
    settings: recipe.settings,
    warnings: [...tree.warnings, ...recipe.requirements.warnings, ...training.warnings],
  };
}

async function trainOnce(
  work: Work,
  key: string,
  image: Image,
): Promise<{ training: Training; reused: boolean }> {
  const { context, options } = work;
  return work.phases.run('training', async (end) => {
    const known = await findTraining(key, context);
    if (known !== undefined) {
      end({ state: 'skipped', reason: 'source, lock and Python are those of an earlier run' });
      return { training: known, reused: true };
    }
    const training = await train({
      ...work,
      application: options.name,
      project: options.project,
      key,
      image: image.digest,
      secrets: options.secrets,
    });
    return { training, reused: false };
  });
}

interface Finished {
  readonly rehearsal: Rehearsal;
  readonly reused: boolean;
  readonly bytecode: CachedLayer;
  readonly service: Image;
}

/** Rehearsal, bytecode, service image, smoke check. A candidate that went through all of it once is known to be good. */
async function finish(
  work: Work,
  made: { readonly candidate: Image; readonly training: Training; readonly key: string },
): Promise<Finished> {
  const { context, options, phases } = work;
  const { candidate, training } = made;
  const rehearseOptions: RehearseOptions = {
    ...work,
    application: options.name,
    project: options.project,
    candidate,
    training,
    trainingKey: made.key,
  };
  const { rehearsal, reused } = await phases.run('rehearsal', async (end) => {
    const known = await findRehearsal(rehearseOptions);
    if (known !== undefined) {
      end({ state: 'skipped', reason: 'this candidate was rehearsed before' });
      return { rehearsal: known, reused: true };
    }
    return { rehearsal: await rehearse(rehearseOptions), reused: false };
  });
  return phases.run('service', async (end) => {
    const bytecode = await bytecodeLayer(rehearseOptions, work.tree, rehearsal.modules);
    const service = await appendLayers(context.store, candidate, [bytecode.layer, rehearsal.layer], {
      Labels: {
        'dev.galley.kind': 'service',
        'dev.galley.candidate': candidate.digest,
        'dev.galley.training-key': made.key,
      },
    });
    // Of the schema golden: checked by the rehearsal. Not `readJson`, which is for manifests and has their limit.
    const golden = JSON.parse(await readFile(context.store.blobPath(rehearsal.golden), 'utf8')) as JsonObject;
    const checks = new RecordCache<{ answers: number }>(context.cacheDir, 'smoke-checks');
    if ((await checks.get(service.digest)) !== undefined) end({ state: 'skipped', reason: 'checked before' });
    else {
      const answers = await smokeCheck(service.digest, golden, rehearseOptions);
      await checks.set(service.digest, { answers });
      end({ state: 'done', reason: `${answers} golden answers` });
    }
    await context.store.tag(`${options.project}/${options.name}:latest`, service.digest);
    return { rehearsal, reused, bytecode, service };
  });
}

function record(role: string, layer: Image['layers'][number], cached: boolean, from: string): LayerRecord {
  return { role, digest: layer.descriptor.digest, sizeBytes: layer.descriptor.size, cached, from };
}
