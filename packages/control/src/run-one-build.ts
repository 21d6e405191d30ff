import type { Emit } from '@galley/api/event';
import type { BuildOptions, BuildResult, SourceSpec } from '@galley/build/build';
import { buildRepository } from '@galley/build/build-repository';
import { openHome } from './open-home.ts';

export interface OneBuild {
  readonly home: string;
  readonly source: SourceSpec;
  readonly options: BuildOptions;
  /** Also tagged so. */
  readonly tag?: string;
  readonly emit: Emit;
  readonly signal: AbortSignal;
}

/** One build without a server: takes the home, builds, lets go. Throws `HOME_IN_USE` when a server owns it, and the build's errors. */
export async function runOneBuild(build: OneBuild): Promise<BuildResult> {
  const home = await openHome(build.home, 'build');
  try {
    const result = await buildRepository(build.source, build.options, {
      store: home.images,
      engine: home.engine,
      cacheDir: home.layout.cache,
      emit: build.emit,
      signal: build.signal,
      now: Date.now,
    });
    if (build.tag !== undefined) await home.images.tag(build.tag, result.image);
    return result;
  } finally {
    await home.close();
  }
}
