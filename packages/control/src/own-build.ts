import type { BuildContext } from '@galley/build/build';
import type { Reveal } from '@galley/build/secret/secret-use';
import { openHome } from './open-home.ts';
import { openStores, type Stores } from './store/open-stores.ts';

/** A build in a home that belongs to its process alone. */
export interface OwnBuild extends BuildContext {
  /** Opens the secrets that the home has of a project. */
  readonly reveal: (project: string) => Reveal;
}

/** Takes a home for one build, without a server, and lets go of it afterwards. Throws `HOME_IN_USE`. `purpose` is what pruning shows of it. */
export async function withOwnBuild<Result>(
  {
    home: root,
    purpose,
    ...run
  }: Pick<BuildContext, 'emit' | 'signal' | 'now'> & {
    readonly home: string;
    readonly purpose: string;
  },
  use: (build: OwnBuild) => Promise<Result>,
): Promise<Result> {
  const home = await openHome(root, 'build');
  let stores: Stores | undefined;
  // Most builds use no secret, and need no database.
  const reveal = (project: string) => (name: string) => {
    stores ??= openStores(home.layout, run.now);
    return stores.secrets.reveal(project, name);
  };
  // What is brought in before the build begins must not be pruned until it has begun.
  const lease = await home.images.lease(purpose);
  try {
    return await use({
      ...run,
      store: home.images,
      engine: home.engine,
      cacheDir: home.layout.cache,
      privateHosts: home.privateHosts,
      reveal,
    });
  } finally {
    stores?.close();
    await lease.release();
    await home.close();
  }
}
