import { readFile } from 'node:fs/promises';
import type { Layer } from '@galley/image/descriptor';
import { appendLayers } from '@galley/image/assemble/append-layers';
import type { JsonObject } from '@galley/api/json-object';
import type { Rehearsal, RehearseOptions } from './rehearse.ts';
import type { SmokeAnswers } from './smoke-check.ts';
import { standBy, type RehearsedFiles, type Standby } from './standby.ts';

/** The check of a service image, begun while the rehearsal still runs: what takes long are the model's imports. */
export interface EarlyCheck {
  /** What was asked and answered; undefined when it proves nothing, and the image itself has to be started. */
  answers(bytecode: Layer, rehearsal: Rehearsal, golden: JsonObject): Promise<SmokeAnswers | undefined>;
  /** Removes its workload, whatever became of it. */
  end(): Promise<void>;
}

/**
 * Begins with the candidate and the bytecode that it will most likely have, as soon as that is there. It proves the service image only
 * if that came true, for then both have the same layers but one, whose files were handed over (docs/adr/0112). Where the machine has no memory for
 * a replica beside the rehearsal, or nothing is likely, it does nothing.
 */
export function beginEarlyCheck(
  options: RehearseOptions,
  likely: Promise<Layer | undefined>,
  availableBytes: number,
): EarlyCheck {
  const { settings } = options;
  const isRoom = availableBytes > settings.memoryBytes + settings.serviceMemoryBytes;
  const standing = isRoom ? begin(options, likely) : Promise.resolve(undefined);
  return {
    async answers(bytecode, rehearsal, golden) {
      const standby = await standing;
      if (standby === undefined || bytecode.descriptor.digest !== (await likely)?.descriptor.digest)
        return undefined;
      try {
        return await standby.prove(await filesOf(options, rehearsal), golden);
      } catch {
        options.context.signal.throwIfAborted();
        // The image itself is started then, and tells what is wrong with it.
        return undefined;
      }
    },
    async end() {
      await (await standing)?.dismiss();
    },
  };
}

/** Undefined: it did not start, so it proves nothing. */
async function begin(
  options: RehearseOptions,
  likely: Promise<Layer | undefined>,
): Promise<Standby | undefined> {
  const bytecode = await likely;
  if (bytecode === undefined) return undefined;
  try {
    const image = await appendLayers(options.context.store, options.candidate, [bytecode]);
    return await standBy(image.digest, options);
  } catch {
    return undefined;
  }
}

async function filesOf({ context }: RehearseOptions, rehearsal: Rehearsal): Promise<RehearsedFiles> {
  const { schema, golden, reference } = rehearsal;
  const named = { 'schema.json': schema, 'golden.json': golden, 'reference.json': reference };
  const files: Record<string, string> = {};
  for (const [name, digest] of Object.entries(named)) {
    if (digest !== undefined) files[name] = await readFile(context.store.blobPath(digest), 'utf8');
  }
  return files;
}
