import { countOf } from '@galley/api/kind/count';
import { assembleImage } from '@galley/image/assemble/assemble-image';
import type { Image } from '@galley/image/image';
import type { CachedLayer } from '../cache/layer-cache.ts';
import { imageConfig, type ImageFacts } from '../layers/image-config.ts';
import { makeCodeLayer } from '../layers/make-code-layer.ts';
import { acceleratorWarnings } from '../lock/accelerator-libraries.ts';
import type { BuildWork } from './build-work.ts';
import { postBuild, type PostBuild } from './post-build.ts';
import type { Environment } from './prepare-environment.ts';
import type { RecipeRecord } from './recipe-record.ts';

/** What the labels of the images of a build say. Pure. */
export function imageFacts(
  { recipe, source }: BuildWork,
  environment: Environment,
  read: RecipeRecord,
): ImageFacts {
  return {
    source: source.digest,
    lock: environment.lockDigest,
    base: environment.base.lockDigest,
    reproducible: environment.base.reproducible,
    commit: source.commit,
    environment: recipe.environment,
    asOf: read.asOf,
    changes: read.changes,
  };
}

/** The image that the notebooks run in, or that a person works in: with what postBuild left, when there is one. */
export async function environmentImage(
  work: BuildWork,
  environment: Environment,
  { kind, facts }: { readonly kind: 'environment' | 'workbench'; readonly facts: ImageFacts },
): Promise<{ code: CachedLayer; image: Image; post: PostBuild }> {
  const { context, phases } = work;
  const code = await makeCodeLayer(work.tree, context);
  const assemble = (layers: readonly Image['layers'][number][]): Promise<Image> =>
    assembleImage(context.store, {
      layers: [...environment.serving, ...environment.running, code.layer, ...layers],
      config: imageConfig(kind, facts),
    });
  const post = await postBuild(work, () => assemble([]));
  const image = await phases.run(kind, async (end) => {
    const made = await assemble(post.layers);
    end({ state: code.cached ? 'skipped' : 'done', reason: countOf(made.layers.length, 'layer') });
    return made;
  });
  return { code, image, post };
}

/** For people: what was left out, guessed or only half set up. */
export function environmentWarnings(
  { tree, recipe }: BuildWork,
  { base, locked }: Environment,
  post: PostBuild,
): readonly string[] {
  const { notSetUp } = base.system;
  return [
    ...tree.warnings,
    ...recipe.requirements.warnings,
    ...acceleratorWarnings(locked.lock),
    // A package that is not set up may do only a part of what it should.
    ...(notSetUp.length === 0
      ? []
      : [`apt.txt: the set-up scripts of these packages failed: ${notSetUp.join(', ')}`]),
    ...post.warnings,
  ];
}
