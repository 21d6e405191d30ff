import { join } from 'node:path';
import type { Digest } from '@galley/api/digest';
import type { Layer } from '@galley/image/descriptor';
import type { BuildContext } from '../build.ts';
import { RecordCache } from '../cache/record-cache.ts';
import { hashContent } from '../source/hash-content.ts';
import type { JsonObject } from '@galley/api/json-object';

/** What a training left, found again by its key. */
export interface Training {
  readonly layer: Layer;
  /** Blobs. */
  readonly report: Digest;
  readonly executedNotebook: Digest;
  readonly model: Digest;
  /** sample.json; null: the notebook has none. The rows lie beside the record, readable by the owner only. */
  readonly sampleInfo: JsonObject | null;
  /** Of the rows, 64 hexadecimal digits; absent: there are none. */
  readonly sampleSha256?: string | undefined;
  readonly madeFiles: readonly string[];
  readonly warnings: readonly string[];
  /** `host:port` that the run read from: another run may find something else there. */
  readonly reachedHosts: readonly string[];
}

/** Where the rows of a training's sample lie: private, outside every image, gone with the cache (ADR 0040). */
export function samplePath(cacheDir: string, key: string): string {
  return join(cacheDir, 'samples', `${key}.jsonl`);
}

/** Where trainings are kept. */
export function trainingRecords({ cacheDir }: Pick<BuildContext, 'cacheDir'>): RecordCache<Training> {
  return new RecordCache<Training>(cacheDir, 'trainings');
}

/**
 * A training of this key, if everything that it left is still there and nothing that the key does not know decided it: a run that read from
 * a host is repeated (DESIGN.md §4).
 */
export async function findTraining(key: string, context: BuildContext): Promise<Training | undefined> {
  const training = await trainingRecords(context).get(key);
  if (training?.reachedHosts?.length !== 0) return undefined;
  const blobs = [
    training.layer.descriptor.digest,
    training.report,
    training.executedNotebook,
    training.model,
  ];
  for (const digest of blobs) if (!(await context.store.has(digest))) return undefined;
  if (training.sampleInfo === null) return training;
  const sample = await hashContent({ spooled: samplePath(context.cacheDir, key) }).catch(() => undefined);
  return sample === training.sampleSha256 ? training : undefined;
}
