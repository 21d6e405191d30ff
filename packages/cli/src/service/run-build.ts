import { join } from 'node:path';
import type { Digest } from '@galley/api/digest';
import type { BuildContext, BuildOptions, BuildResult, SourceSpec } from '@galley/build/build';
import { buildRepository } from '@galley/build/build-repository';
import { buildWorkbench, type Workbench } from '@galley/build/build-workbench';
import { withOwnBuild, type OwnBuild } from '@galley/control/own-build';
import { homeLayout } from '@galley/control/owner/home';
import type { Context } from '../command/command.ts';
import { withHome, withOwnHome } from '../server/own-home.ts';
import { buildOnServer } from './build-on-server.ts';
import { ownSource } from './own-source.ts';
import type { SourceArgument } from './source-argument.ts';

/** A build that somebody typed. */
export interface BuildRequest {
  readonly argument: SourceArgument;
  readonly lock: Pick<BuildOptions, 'modernise' | 'asOf' | 'allowedIndexes'>;
  readonly egressHosts: readonly string[];
  /** What the image is called besides. */
  readonly tag: string | undefined;
}

/** What came of it. */
export interface MadeBuild extends BuildResult {
  /** The object that a server has of it. */
  readonly build?: string;
}

/** Builds with the server that owns the home, or without one in this process: the image is the same. Throws what `buildRepository` throws. */
export function runBuild(request: BuildRequest, context: Context): Promise<MadeBuild> {
  return withHome(context, 'galley build', {
    byServer: (client) => buildOnServer(client, request, context),
    byMyself: (build) => buildHere(buildRepository, request, context, build),
  });
}

/** Makes a workbench, without a server. Throws what `buildWorkbench` throws, and `HOME_IN_USE`. */
export function makeWorkbench(request: BuildRequest, context: Context): Promise<Workbench> {
  return withOwnHome(context, 'galley build --workbench', (build) =>
    buildHere(buildWorkbench, request, context, build),
  );
}

/**
 * The same for a lab, with the home whose store has it: while a server owns the home that is one of the labs' own below it, which fetches what it
 * needs once more. Rejected: refusing, since a server runs wherever something is served, and a person works beside it.
 */
export async function makeLabWorkbench(
  request: BuildRequest,
  context: Context,
): Promise<{ readonly workbench: Workbench; readonly home: string }> {
  const { home, emit, signal, now } = context;
  const purpose = 'galley lab';
  const make = (build: OwnBuild): Promise<Workbench> => buildHere(buildWorkbench, request, context, build);
  return withHome(context, purpose, {
    byMyself: async (build) => ({ workbench: await make(build), home }),
    byServer: async () => {
      const own = join(homeLayout(home).lab, 'home');
      return { workbench: await withOwnBuild({ home: own, purpose, emit, signal, now }, make), home: own };
    },
  });
}

async function buildHere<Result extends { readonly image: Digest }>(
  make: (source: SourceSpec, options: BuildOptions, context: BuildContext) => Promise<Result>,
  { argument, lock, egressHosts, tag }: BuildRequest,
  { project, env }: Context,
  build: OwnBuild,
): Promise<Result> {
  const source = ownSource(argument, env['GALLEY_GIT_SECRET']);
  const options = { project, egressHosts, notebooks: [], python: '', secrets: [], ...lock };
  const made = await make(source, { ...options, name: argument.name, reveal: build.reveal(project) }, build);
  if (tag !== undefined) await build.store.tag(tag, made.image);
  return made;
}
