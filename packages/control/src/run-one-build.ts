import type { Emit } from '@galley/api/event';
import type { BuildOptions, BuildResult, SourceSpec } from '@galley/build/build';
import { buildRepository } from '@galley/build/build-repository';
import { openHome } from './open-home.ts';
import { openStores, type Stores } from './store/open-stores.ts';

export interface OneBuild {
  readonly home: string;
  readonly source: SourceSpec;
  /** Secrets are those of the home. */
  readonly options: Omit<BuildOptions, 'reveal'>;
  /** Also tagged so. */
  readonly tag?: string;
  readonly emit: Emit;
  readonly signal: AbortSignal;
}

/** One build without a server: takes the home, builds, lets go. Throws `HOME_IN_USE` when a server owns it, and the build's errors. */
export async function runOneBuild(build: OneBuild): Promise<BuildResult> {
  const home = await openHome(build.home, 'build');
  let stores: Stores | undefined;
  // Most builds use no secret, and need no database.
  const reveal = (name: string): string => {
    stores ??= openStores(home.layout, Date.now);
    return stores.secrets.reveal(build.options.project, name);
  };
  try {
    const options = { ...build.options, reveal };
    const result = await buildRepository(build.source, options, {
      store: home.images,
      engine: home.engine,
      cacheDir: home.layout.cache,
      privateHosts: home.privateHosts,
      emit: build.emit,
      signal: build.signal,
      now: Date.now,
    });
    if (build.tag !== undefined) await home.images.tag(build.tag, result.image);
    return result;
  } finally {
    stores?.close();
    await home.close();
  }
}
