import { setTimeout as sleep } from 'node:timers/promises';
import { GalleyError } from '@galley/api/error/galley-error';
import type { Client } from '@galley/api/http/client';
import type { Build } from '@galley/api/kind/build';
import { buildHasEnded } from '@galley/control/kind/build/phase';
import type { BuildResult } from '@galley/build/build';
import type { Context } from '../command/command.ts';
import { openStore } from '../server/open-store.ts';
import { followBuild } from './follow-build.ts';
import { ownSource } from './own-source.ts';
import type { BuildRequest, MadeBuild } from './run-build.ts';
import { uploadSource } from './upload-source.ts';

/** How long Ctrl-C waits for the build to have stopped: a workload gets a few seconds to end. */
const stopWithinMs = 20_000;

/**
 * A build by the server that owns the home: the source is read here and uploaded, the Build belongs to no application, and its end is waited
 * for. Ctrl-C cancels it there. Throws the build's own error.
 */
export async function buildOnServer(
  client: Client,
  request: BuildRequest,
  context: Context,
): Promise<MadeBuild> {
  const { argument, tag } = request;
  const { project, emit, signal } = context;
  // Until the object names the upload, pruning must not take it.
  const lease = await (await openStore(context.home)).lease('galley build');
  try {
    const source = ownSource(argument, context.env['GALLEY_GIT_SECRET']);
    const object = `build/${argument.name}`;
    const uploaded = await uploadSource(client, argument, source, { project, emit, signal, object });
    const build = await client.create('Build', project, {
      metadata: { generateName: `${argument.name.slice(0, 50)}-` },
      spec: specOf(request, uploaded.archive),
    });
    const ended = await untilEnded(client, build, context);
    const made = await resultOf(client, ended);
    if (tag !== undefined)
      await client.call('imageTag', { params: { name: tag }, body: { digest: made.image }, signal });
    // The server reads the uploaded tree once more, and says some of it again.
    const warnings = [...new Set([...uploaded.warnings, ...made.warnings])];
    return { ...made, warnings, build: build.metadata.name };
  } finally {
    await lease.release();
  }
}

function specOf(
  { argument, lock, egressHosts }: BuildRequest,
  archive: NonNullable<Build['spec']['snapshot']['source']['archive']>,
): Build['spec'] {
  const { modernise, asOf, allowedIndexes = [] } = lock;
  return {
    name: argument.name,
    snapshot: {
      source: { archive },
      build: { ...(modernise === undefined ? {} : { modernise }), ...(asOf === undefined ? {} : { asOf }) },
      egress: { hosts: [...egressHosts] },
    },
    allowedIndexes: [...allowedIndexes],
  };
}

async function untilEnded(client: Client, build: Build, context: Context): Promise<Build> {
  const { name } = build.metadata;
  try {
    return await followBuild(client, build, { ...context, command: 'galley build' });
  } catch (error) {
    if (context.signal.aborted) await cancel(client, build);
    if (!(error instanceof GalleyError) || error.code !== 'REQUEST_FAILED') throw error;
    throw new GalleyError(
      'REQUEST_FAILED',
      `The server ended while build ${name} ran; the next one runs it again.`,
      {
        hint: `galley server start, then galley logs build/${name} -f`,
        details: { build: name },
        cause: error,
      },
    );
  }
}

/** Asks for its end and waits for it: who typed Ctrl-C and then `galley build` again must not meet the old one. */
async function cancel(client: Client, { metadata: { namespace, name } }: Build): Promise<void> {
  // Not the command's own signal: that one has fired.
  const signal = AbortSignal.timeout(stopWithinMs);
  try {
    await client.call('buildCancel', { params: { project: namespace, name }, signal });
    for (;;) {
      const now = await client.get('Build', namespace, name, signal);
      if (now === undefined || buildHasEnded(now)) return;
      await sleep(50, undefined, { signal });
    }
  } catch {
    // The command ends as interrupted either way; the server goes on stopping the build.
  }
}

/** What a build in this process would have given back, from the object and its records. */
async function resultOf(client: Client, { metadata, status }: Build): Promise<BuildResult> {
  const params = { project: metadata.namespace, name: metadata.name };
  const recipe = await client.call('buildRecord', { params: { ...params, record: 'recipe' } });
  const { records, image, environment, candidate, sourceDigest, lockDigest, trainingKey } = status;
  const digests = { image, environment, candidate, sourceDigest, lockDigest, trainingKey };
  const { report, executedNotebook, reference, schema, golden, model, recipe: recipeBlob } = records;
  // Written by the reconciler of this very version, from a `BuildResult`.
  return {
    ...digests,
    layers: status.layers,
    phases: status.phases,
    report,
    executedNotebook,
    reference,
    schema,
    golden,
    model,
    recipe,
    recipeBlob,
    settings: status.settings,
    warnings: status.warnings ?? [],
  } as BuildResult;
}
