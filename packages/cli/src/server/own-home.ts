import { GalleyError } from '@galley/api/error/galley-error';
import type { BuildContext } from '@galley/build/build';
import { openHome } from '@galley/control/open-home';
import type { Context } from '../command/command.ts';
import { findServer } from './running-server.ts';

/**
 * Takes the home for one build, without a server, and lets go of it afterwards. Throws `HOME_IN_USE` when a server owns it. `command` is what to type
 * again in another home.
 */
export async function withOwnHome<Result>(
  context: Context,
  command: string,
  use: (build: BuildContext) => Promise<Result>,
): Promise<Result> {
  if ((await findServer(context.home)) !== undefined) {
    throw new GalleyError('HOME_IN_USE', `A server owns ${context.home}, and it builds what is deployed.`, {
      hint: `galley server stop frees the home; GALLEY_HOME=/other/folder ${command} uses another.`,
    });
  }
  const home = await openHome(context.home, 'build');
  // What is brought in before the build begins must not be pruned until it has begun.
  const lease = await home.images.lease(command);
  try {
    return await use({
      store: home.images,
      engine: home.engine,
      cacheDir: home.layout.cache,
      privateHosts: home.privateHosts,
      emit: context.emit,
      signal: context.signal,
      now: context.now,
    });
  } finally {
    await lease.release();
    await home.close();
  }
}
