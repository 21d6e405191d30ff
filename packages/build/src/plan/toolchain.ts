import type { Digest } from '@galley/api/digest';
import { assembleImage } from '@galley/image/assemble/assemble-image';
import { buildLayer } from '@galley/image/layer/build-layer';
import { wheelLayer } from '@galley/image/wheel/wheel-layers';
import { venvEntries } from '@galley/image/wheel/venv-entries';
import type { BuildContext } from '../build.ts';
import type { Base } from '../base/build-base.ts';
import type { SystemBase } from './bases.ts';
import { LayerCache, type CachedLayer } from '../cache/layer-cache.ts';
import { stepKey } from '../cache/record-cache.ts';
import { toolsEnvironment } from '../layers/environments.ts';
import { toolchainRoots } from '../lock/default-roots.ts';
import { makeLock } from '../lock/make-lock.ts';
import { fetchWheels } from '../wheel-cache/fetch-wheels.ts';
import { wheelTarget } from './lock-recipe.ts';

/** The empty environment of tools. */
export async function toolsVenv(
  cache: LayerCache,
  { python, interpreter }: Base,
  context: BuildContext,
): Promise<CachedLayer> {
  return cache.getOrMake(stepKey({ toolsVenv: 2, python, interpreter }), () =>
    buildLayer(context.store, venvEntries(toolsEnvironment(python), interpreter), {
      createdBy: 'galley tools environment',
      signal: context.signal,
    }),
  );
}

/** Base and pip: what builds a source distribution. Its own small lock; made only when a package needs it. */
export async function toolchainImage(
  base: SystemBase,
  options: { readonly context: BuildContext; readonly object: string; readonly signal: AbortSignal },
): Promise<Digest> {
  const { context, signal, object } = options;
  const { store, cacheDir, emit } = context;
  const { lock } = await makeLock(
    {
      requirements: toolchainRoots,
      running: [],
      constraints: [],
      prerelease: false,
      target: wheelTarget(base.python),
    },
    {
      cacheDir,
      signal,
      buildWheel: (sdist) =>
        Promise.reject(new Error(`the toolchain itself has no wheel: ${sdist.filename}`)),
    },
  );
  const { files } = await fetchWheels(lock.wheels, { cacheDir, emit, object, signal });
  const venv = await toolsVenv(new LayerCache(cacheDir, store), base, context);
  const tools = await wheelLayer(store, files, {
    cacheDir,
    signal,
    ...toolsEnvironment(base.python),
    createdBy: 'galley toolchain',
  });
  const image = await assembleImage(store, {
    // With the repository's own Debian packages: a compiler that it asks for is at hand.
    layers: [base.layer, ...base.system.layers, venv.layer, tools],
    config: {
      User: '1001:0',
      WorkingDir: '/tmp',
      Env: ['PATH=/opt/galley/tools/bin:/usr/bin:/bin', 'HOME=/tmp', 'LANG=C.UTF-8'],
    },
  });
  return image.digest;
}
