import { buildLayer } from '@galley/image/layer/build-layer';
import type { BuildContext } from '../build.ts';
import { LayerCache, type CachedLayer } from '../cache/layer-cache.ts';
import { stepKey } from '../cache/record-cache.ts';
import type { SourceTree } from '../source/source-tree.ts';
import { codeEntries } from './code-layer.ts';

/** The repository's layer, from the cache when this source was packed before. */
export function makeCodeLayer(tree: SourceTree, context: BuildContext): Promise<CachedLayer> {
  const cache = new LayerCache(context.cacheDir, context.store);
  return cache.getOrMake(stepKey({ code: 1, source: tree.digest }), () =>
    buildLayer(context.store, codeEntries(tree), { createdBy: 'galley code', signal: context.signal }),
  );
}
