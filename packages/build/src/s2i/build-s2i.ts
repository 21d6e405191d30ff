import { randomUUID } from 'node:crypto';
import { rm } from 'node:fs/promises';
import { countOf } from '@galley/api/kind/count';
import type { StepOptions } from '../build-step/build-step.ts';
import type { BuildContext } from '../build.ts';
import { makeWorkFolder, sweepWorkFolders } from '../cache/work-folder.ts';
import { PhaseLog } from '../plan/phase-log.ts';
import { sweepWorkloads } from '../workload/leftovers.ts';
import { assemble, type Assembled } from './assemble.ts';
import {
  keptScripts,
  layerRecords,
  outputImage,
  runPath,
  scriptLayers,
  type MadeImage,
} from './output-image.ts';
import { generatedLabels, mergeLabels } from './output-labels.ts';
import { buildRuntimeImage } from './runtime-image.ts';
import type { S2iRequest, S2iResult } from './s2i.ts';
import { prepareS2i, type S2iWork } from './work.ts';

export interface S2iOptions {
  readonly context: BuildContext;
  /** Each line that a script writes. */
  readonly onLine?: (line: string, stream: 'stdout' | 'stderr') => void;
}

/**
 * From a source and a builder image to an image (builders.md §1.3). A script that fails fails the build; what was injected is in no layer. Throws
 * `BUILDER_INVALID`, the errors of sources and of build steps, and what the engine throws.
 */
export async function buildS2i(request: S2iRequest, options: S2iOptions): Promise<S2iResult> {
  const { context } = options;
  // Before the first layer is looked for: pruning beside a build takes nothing that it relies on.
  const lease = await context.store.lease(`s2i ${request.name}`);
  try {
    return await buildLeased(request, options);
  } finally {
    await lease.release();
  }
}

async function buildLeased(request: S2iRequest, options: S2iOptions): Promise<S2iResult> {
  const { context } = options;
  const phases = new PhaseLog(context.emit, `build/${request.name}`);
  await sweepWorkFolders(context.cacheDir);
  const workDir = await makeWorkFolder(context.cacheDir, randomUUID());
  try {
    const step: StepOptions = {
      context,
      project: request.project,
      application: request.name,
      workDir,
      ...(options.onLine === undefined ? {} : { onLine: options.onLine }),
    };
    const work = await prepareS2i(request, { context, phases, step });
    const assembled = await assemble(work);
    const result = await phases.run('image', async (end) => {
      const made =
        request.runtime === undefined
          ? await finish(work, assembled)
          : await buildRuntimeImage(work, request.runtime, assembled);
      if (request.tag !== undefined) await context.store.tag(request.tag, made.image.digest);
      end({ state: 'done', reason: countOf(made.image.layers.length, 'layer') });
      return made;
    });
    const before = new Date(performance.timeOrigin).toISOString();
    await sweepWorkloads(context.engine, { project: request.project, application: request.name, before });
    return {
      image: result.image.digest,
      tag: request.tag,
      labels: result.image.config.config.Labels ?? {},
      layers: layerRecords(result.layers, request.previous),
      phases: phases.records,
      warnings: [...work.tree.warnings, ...work.files.warnings, ...work.warnings],
    };
  } finally {
    await rm(workDir, { recursive: true, force: true });
  }
}

async function finish(work: S2iWork, { changes, labels }: Assembled): Promise<MadeImage> {
  const { context, request, scripts, places } = work;
  const { image, name } = request.builder;
  const made = await scriptLayers(changes, work.finder, context);
  const kept = places.kept ? [] : await keptScripts(image, scripts, places.keptScripts, context);
  const layers = [...made, ...kept];
  const output = await outputImage(
    {
      base: image,
      layers: layers.map(({ layer }) => layer),
      run: runPath(scripts, places.keptScripts, name),
      env: work.env,
      labels: mergeLabels(image.config.config.Labels ?? {}, generatedLabels(request, work.tree), labels),
    },
    context,
  );
  return { image: output, layers };
}
