import { countOf } from '@galley/api/kind/count';
import type { Layer } from '@galley/image/descriptor';
import type { Image } from '@galley/image/image';
import { appendLayers } from '@galley/image/assemble/append-layers';
import { RecordCache } from '../cache/record-cache.ts';
import { checkExpected } from '../bundle/carried.ts';
import { bytecodeLayer, type BytecodeLayer } from '../rehearsal/bytecode.ts';
import { beginEarlyCheck, type EarlyCheck } from '../rehearsal/early-check.ts';
import {
  findRehearsal,
  rehearsalKey,
  rehearse,
  type Rehearsal,
  type RehearseOptions,
} from '../rehearsal/rehearse.ts';
import { smokeCheck } from '../rehearsal/smoke-check.ts';
import { train } from '../training/train.ts';
import { findTraining, type Training } from '../training/training.ts';
import type { TrainingInputs } from '../training/training-key.ts';
import type { JsonObject } from '@galley/api/json-object';
import type { BuildWork } from './build-work.ts';
import type { EarlyBytecode } from './early-bytecode.ts';

/** Runs the notebooks, unless source, lock and Python are those of an earlier run that read from no host. Throws as `train`. */
export async function trainOnce(
  work: BuildWork,
  { inputs, key, image }: { readonly inputs: TrainingInputs; readonly key: string; readonly image: Image },
): Promise<{ training: Training; reused: boolean }> {
  const { context, options } = work;
  return work.phases.run('training', async (end) => {
    const known = await findTraining(key, context);
    if (known !== undefined) {
      end({ state: 'skipped', reason: 'source, lock and Python are those of an earlier run' });
      return { training: known, reused: true };
    }
    const training = await train({
      ...work,
      application: options.name,
      project: options.project,
      key,
      inputs,
      image,
      secrets: work.secrets.build,
    });
    const { reachedHosts } = training;
    if (reachedHosts.length > 0)
      end({ state: 'done', reason: `it read from ${reachedHosts.join(', ')}: the next build trains again` });
    return { training, reused: false };
  });
}

/** The rehearsal writes no larger one (`Output.text`). */
const goldenBytesMax = 256 * 1024 ** 2;

/** A service image and what proved it. */
export interface Finished {
  readonly rehearsal: Rehearsal;
  readonly reused: boolean;
  /** Under which key the rehearsal is found again. */
  readonly rehearsalKey: string;
  readonly bytecode: BytecodeLayer;
  readonly service: Image;
}

/** Rehearsal, bytecode, service image, smoke check. A candidate that went through all of it once is known to be good. */
export async function finish(
  work: BuildWork,
  made: {
    readonly candidate: Image;
    readonly training: Training;
    readonly key: string;
    /** What of the candidate is compiled. */
    readonly dependencies: readonly Layer[];
    /** Of the modules that are likely. */
    readonly bytecode: EarlyBytecode;
  },
): Promise<Finished> {
  const { options, phases } = work;
  const { candidate, training } = made;
  const rehearseOptions: RehearseOptions = {
    ...work,
    application: options.name,
    project: options.project,
    candidate,
    training,
    trainingKey: made.key,
    // It plays the service, so it has what the service will have.
    secrets: work.secrets.service,
  };
  const known = await findRehearsal(rehearseOptions);
  const likely = known === undefined ? made.bytecode.layer : Promise.resolve(undefined);
  const early = beginEarlyCheck(rehearseOptions, likely, process.availableMemory());
  try {
    const { rehearsal, reused } = await phases.run('rehearsal', async (end) => {
      if (known !== undefined) {
        end({ state: 'skipped', reason: 'this candidate was rehearsed before' });
        return { rehearsal: known, reused: true };
      }
      return { rehearsal: await rehearse(rehearseOptions), reused: false };
    });
    // Before the rehearsal's own list is compiled: it is the same, most often, and then it is found.
    await made.bytecode.layer;
    return {
      ...(await serviceImage(work, rehearseOptions, { ...made, rehearsal, early })),
      rehearsal,
      reused,
      rehearsalKey: rehearsalKey(rehearseOptions),
    };
  } finally {
    // In this order: the check waits for the bytecode, and after a failure nobody needs either.
    await made.bytecode.end();
    await early.end();
  }
}

/** The candidate with bytecode and what the rehearsal found, checked and tagged. */
function serviceImage(
  { context, options, phases, tree }: BuildWork,
  rehearseOptions: RehearseOptions,
  {
    rehearsal,
    early,
    dependencies,
  }: {
    readonly rehearsal: Rehearsal;
    readonly early: EarlyCheck;
    readonly dependencies: readonly Layer[];
  },
): Promise<{ readonly bytecode: BytecodeLayer; readonly service: Image }> {
  const { candidate } = rehearseOptions;
  return phases.run('service', async (end) => {
    const bytecode = await bytecodeLayer(rehearseOptions, tree, {
      dependencies,
      loaded: rehearsal.modules,
    });
    const service = await appendLayers(context.store, candidate, [bytecode.layer, rehearsal.layer], {
      Labels: {
        'dev.galley.kind': 'service',
        'dev.galley.candidate': candidate.digest,
        'dev.galley.training-key': rehearseOptions.trainingKey,
      },
    });
    // Of the schema golden: checked by the rehearsal. Not `readJson`, which is for manifests and has their limit.
    const bytes = await context.store.readBytes(rehearsal.golden, goldenBytesMax);
    const golden = JSON.parse(bytes.toString('utf8')) as JsonObject;
    const checks = new RecordCache<{ answers: number }>(context.cacheDir, 'smoke-checks');
    if ((await checks.get(service.digest)) !== undefined) end({ state: 'skipped', reason: 'checked before' });
    else {
      const { answers, varying } =
        (await early.answers(bytecode.layer, rehearsal, golden)) ??
        (await smokeCheck(service.digest, golden, rehearseOptions));
      await checks.set(service.digest, { answers });
      const exempt =
        varying === 0 ? '' : `, ${varying} not compared: the model answers the same rows in different ways`;
      end({ state: 'done', reason: `${countOf(answers, 'golden answer')}${exempt}` });
    }
    // Before the tag: what should be the same and is not gets no name.
    checkExpected('image', service.digest, context.carried);
    await context.store.tag(`${options.project}/${options.name}:latest`, service.digest);
    return { bytecode, service };
  });
}
