import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { GalleyError } from '@galley/api/error/galley-error';
import type { BuildContext } from '@galley/build/build';
import { buildS2i } from '@galley/build/s2i/build-s2i';
import { findTagged, openNamedImage, type PullPolicy } from '@galley/build/s2i/builder-image';
import { postOutcome } from '@galley/build/s2i/callback';
import type { NamedImage, S2iResult } from '@galley/build/s2i/s2i';
import { writeDockerfile } from '@galley/build/s2i/write-dockerfile';
import { readImage } from '@galley/image/assemble/read-image';
import type { Image } from '@galley/image/image';
import type { ImageStore } from '@galley/image/store';
import type { Context, Input } from '../command/command.ts';
import { textOption } from '../program.ts';
import { registryOptions } from '../registry/registry-options.ts';
import { safeText } from '../render/safe-text.ts';
import { openStore } from '../server/open-store.ts';
import { withOwnHome } from '../server/own-home.ts';
import { s2iRequest } from './s2i-request.ts';
import type { S2iSource } from './s2i-source.ts';

/** What is built from what. */
export interface S2iCommand {
  readonly source: S2iSource;
  readonly builder: string;
  readonly tag: string | undefined;
}

/** Builds in a home of one's own. Tells `--callback-url` how it went, whichever way. */
export async function runS2iBuild(command: S2iCommand, input: Input, context: Context): Promise<S2iResult> {
  const callback = textOption(input, 'callbackUrl');
  const tell = async (success: boolean, labels: Readonly<Record<string, string>>): Promise<void> => {
    if (callback === undefined) return;
    const problem = await postOutcome(callback, { success, labels }, context.signal);
    if (problem !== undefined) context.say(`warning: ${safeText(problem)}`);
  };
  try {
    const result = await withOwnHome(context, 'galley s2i build', (build) =>
      buildIn(build, command, input, context),
    );
    await tell(true, result.labels);
    return result;
  } catch (error) {
    if (!context.signal.aborted) await tell(false, {});
    throw error;
  }
}

async function buildIn(
  build: BuildContext,
  { source, builder, tag }: S2iCommand,
  input: Input,
  context: Context,
): Promise<S2iResult> {
  const runtimeName = textOption(input, 'runtimeImage');
  const named = await openCommandImage(builder, build, input, context);
  const request = await s2iRequest(input, {
    cwd: context.cwd,
    project: context.project,
    source,
    builder: named,
    runtime:
      runtimeName === undefined
        ? undefined
        : await openCommandImage(runtimeName, build, input, context, 'runtimePullPolicy'),
    tag,
    previous: tag === undefined ? undefined : await findImage(build.store, tag),
  });
  const quiet = input.options['quiet'] === true;
  return buildS2i(
    { ...request, builder: named },
    { context: build, ...(quiet ? {} : { onLine: (line) => context.say(safeText(line)) }) },
  );
}

/** An image that the command line names: of this machine, or of a registry. */
export async function openCommandImage(
  name: string,
  build: BuildContext,
  input: Input,
  context: Context,
  policyFlag = 'pullPolicy',
): Promise<NamedImage> {
  return openNamedImage(name, {
    store: build.store,
    cwd: context.cwd,
    workDir: join(build.cacheDir, 'work'),
    registry: await registryOptions(input, context),
    pull: pullPolicy(textOption(input, policyFlag)),
    emit: build.emit,
    object: `image/${name}`,
    signal: build.signal,
  });
}

function pullPolicy(text: string | undefined): PullPolicy {
  const known = (['if-not-present', 'always', 'never'] as const).find(
    (policy) => policy === (text ?? 'if-not-present'),
  );
  if (known !== undefined) return known;
  throw new GalleyError('USAGE', `There is no pull policy ${JSON.stringify(text)}.`, {
    hint: 'always, never, if-not-present',
  });
}

/** The image of a name, if there is one. */
async function findImage(store: ImageStore, name: string): Promise<Image | undefined> {
  const digest = await findTagged(store, name);
  return digest === undefined ? undefined : readImage(store, digest);
}

/** `--as-dockerfile`: needs neither an engine nor the home, and the builder image only to know its labels. */
export async function writeS2iDockerfile(
  { source, builder, tag }: S2iCommand,
  file: string,
  input: Input,
  context: Context,
): Promise<{ readonly path: string; readonly warnings: readonly string[] }> {
  const store = await openStore(context.home);
  const path = resolve(context.cwd, file.endsWith('/') ? join(file, 'Dockerfile') : file);
  const request = await s2iRequest(input, {
    cwd: context.cwd,
    project: context.project,
    source,
    builder: { name: builder, image: await findImage(store, builder) },
    runtime: undefined,
    tag,
    previous: undefined,
  });
  const workDir = await mkdtemp(join(tmpdir(), 'galley-dockerfile-'));
  try {
    const warnings = await writeDockerfile(request, {
      path,
      imageScriptsUrl: textOption(input, 'imageScriptsUrl') ?? 'image:///usr/libexec/s2i',
      workDir,
      context: { store, cacheDir: join(workDir, 'cache'), signal: context.signal },
    });
    return { path, warnings };
  } finally {
    await rm(workDir, { recursive: true, force: true });
  }
}
