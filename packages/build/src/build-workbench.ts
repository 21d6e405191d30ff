import type { Digest } from '@galley/api/digest';
import type {
  BuildContext,
  BuildOptions,
  BuildResult,
  LayerRecord,
  PhaseRecord,
  SourceSpec,
} from './build.ts';
import { layerRecord } from './plan/layer-record.ts';
import { environmentImage, environmentWarnings, imageFacts } from './plan/environment-image.ts';
import { withBuildWork } from './plan/open-work.ts';
import { prepareEnvironment } from './plan/prepare-environment.ts';
import { recipeRecord } from './plan/recipe-record.ts';
import type { BuildSettings } from './plan/settings.ts';

/** A workbench: what a person works in with JupyterLab. */
export interface Workbench extends Pick<
  BuildResult,
  'image' | 'sourceDigest' | 'lockDigest' | 'recipe' | 'warnings'
> {
  readonly image: Digest;
  readonly layers: readonly LayerRecord[];
  readonly phases: readonly PhaseRecord[];
  /** What whoever works in it may use and reach: that of a training run. */
  readonly limits: Pick<BuildSettings, 'memoryBytes' | 'cpus' | 'egressHosts'>;
}

/**
 * From a repository to its workbench: the layers of its service image up to the code, and JupyterLab beside them. Nothing is trained, so the
 * repository may hold no notebook at all, or several. Throws as `buildRepository` up to the training.
 */
export function buildWorkbench(
  source: SourceSpec,
  options: BuildOptions,
  context: BuildContext,
): Promise<Workbench> {
  return withBuildWork(source, { options, context, open: true }, async (work) => {
    const environment = await prepareEnvironment(work, 'lab');
    const recipe = recipeRecord(work.recipe, environment.locked);
    const { code, image, post } = await environmentImage(work, environment, {
      kind: 'workbench',
      facts: imageFacts(work, environment, recipe),
    });
    // Named, so that pruning leaves it.
    await context.store.tag(`${options.project}/${options.name}:lab`, image.digest);
    return {
      image: image.digest,
      sourceDigest: work.source.digest,
      lockDigest: environment.lockDigest,
      layers: [
        ...environment.records,
        ...post.records,
        layerRecord('code', code.layer, code.cached, work.tree.origin),
      ],
      phases: work.phases.records,
      recipe,
      limits: work.settings,
      warnings: environmentWarnings(work, environment, post),
    };
  });
}
