import { GalleyError } from '@galley/api/error/galley-error';
import { withOwnBuild, type OwnBuild } from '@galley/control/own-build';
import type { Context } from '../command/command.ts';
import { findServer } from './running-server.ts';

/**
 * Takes the home for one build, without a server, and lets go of it afterwards. Throws `HOME_IN_USE` when somebody else owns it. `command` is
 * what to type again in another home.
 */
export async function withOwnHome<Result>(
  { home, emit, signal, now }: Context,
  command: string,
  use: (build: OwnBuild) => Promise<Result>,
): Promise<Result> {
  if ((await findServer(home)) !== undefined) {
    throw new GalleyError('HOME_IN_USE', `A server owns ${home}, and galley deploy builds with it.`, {
      hint: `galley server stop frees the home; GALLEY_HOME=/other/folder ${command} uses another.`,
      details: { home },
    });
  }
  return withOwnBuild({ home, purpose: command, emit, signal, now }, use);
}
