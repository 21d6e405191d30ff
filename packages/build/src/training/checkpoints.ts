import type { Layer } from '@galley/image/descriptor';
import { buildLayer } from '@galley/image/layer/build-layer';
import type { BuildContext } from '../build.ts';
import { RecordCache } from '../cache/record-cache.ts';
import { fileEntries } from '../layers/app-files.ts';
import type { WorkloadSecrets } from '../secret/secret-use.ts';
import type { Output } from '../workload/read-output.ts';
import { holdsSecret } from './find-secrets.ts';

/** Where the runtime looks for them (wire.md, run). */
const checkpointsFolder = 'opt/galley/checkpoints';

/** What an attempt kept in `$GALLEY_CHECKPOINTS` before it was ended. */
export interface Checkpoints {
  readonly layer: Layer;
  readonly files: number;
  /** What that attempt read from. */
  readonly reachedHosts: readonly string[];
}

/** Of an attempt with the same training key: other code or other packages could not read them. */
export async function findCheckpoints(key: string, context: BuildContext): Promise<Checkpoints | undefined> {
  const known = await new RecordCache<Checkpoints>(context.cacheDir, 'checkpoints').get(key);
  if (known === undefined || !(await context.store.has(known.layer.descriptor.digest))) return undefined;
  return known;
}

/** Keeps what a failed attempt left; nothing, when it left nothing or wrote a secret into it. */
export async function keepCheckpoints(
  key: string,
  output: Output,
  {
    context,
    secrets,
    reachedHosts,
  }: {
    readonly context: BuildContext;
    readonly secrets: WorkloadSecrets;
    readonly reachedHosts: readonly string[];
  },
): Promise<void> {
  const files = [...output.files.values()].filter(({ path }) => path.startsWith('checkpoints/'));
  if (files.length === 0 || (await holdsSecret(files, secrets.files, context.signal))) return;
  const entries = fileEntries(files, (path) => `${checkpointsFolder}/${path.slice('checkpoints/'.length)}`);
  const layer = await buildLayer(context.store, entries, {
    createdBy: 'galley checkpoints',
    signal: context.signal,
  });
  await new RecordCache<Checkpoints>(context.cacheDir, 'checkpoints').set(key, {
    layer,
    files: files.length,
    reachedHosts,
  });
}

/** After a training that succeeded. */
export async function forgetCheckpoints(key: string, cacheDir: string): Promise<void> {
  await new RecordCache<Checkpoints>(cacheDir, 'checkpoints').delete(key);
}
