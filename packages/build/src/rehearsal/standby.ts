import { setTimeout as sleep } from 'node:timers/promises';
import type { Digest } from '@galley/api/digest';
import { GalleyError } from '@galley/api/error/galley-error';
import { dialRequest } from '@galley/engine/socket/dial-request';
import type { JsonObject } from '@galley/api/json-object';
import {
  proveAnswers,
  smokeWorkload,
  throwIfEnded,
  type SmokeAnswers,
  type SmokeOptions,
} from './smoke-check.ts';

/** What a rehearsal lays beside the model, by name in `/opt/galley/rehearsed`; texts as they lie there. */
export type RehearsedFiles = Readonly<Record<string, string>>;

/** A replica that has its model loaded and waits for what the rehearsal finds (docs/design/wire.md, "admin socket"). */
export interface Standby {
  /** Hands it the files, then asks it as `smokeCheck` asks a service image. Throws `SMOKE_CHECK_FAILED`, `REPLICA_FAILED`. */
  prove(files: RehearsedFiles, golden: JsonObject): Promise<SmokeAnswers>;
  /** Removes it. */
  dismiss(): Promise<void>;
}

const startsWithinMs = 120_000;
const takesWithinMs = 30_000;

/** Starts an image that lacks the layer of its rehearsal. Throws what the engine throws, and then nothing is left; else the caller dismisses it. */
export async function standBy(image: Digest, options: SmokeOptions): Promise<Standby> {
  const { engine, signal } = options.context;
  const workload = smokeWorkload(image, options, { GALLEY_AWAIT_REHEARSED: '1' });
  const dismiss = (): Promise<void> => engine.remove(workload.id, 0);
  await dismiss();
  try {
    await engine.ensure(workload, signal);
  } catch (error) {
    await dismiss();
    throw error;
  }
  return {
    prove: async (files, golden) => {
      await handOver(workload.id, files, options);
      return proveAnswers(workload.id, golden, options);
    },
    dismiss,
  };
}

/** Its sockets open before its model loads, but not before its interpreter runs. */
async function handOver(id: string, files: RehearsedFiles, options: SmokeOptions): Promise<void> {
  const { engine, signal } = options.context;
  const deadline = Date.now() + startsWithinMs;
  const sent = { path: '/galley/v1/rehearsed', body: JSON.stringify({ files }) };
  for (;;) {
    await throwIfEnded(engine, id, options.application);
    const limits = { timeoutMs: takesWithinMs, bytesMax: 64 * 1024, signal };
    const answer = await dialRequest(engine, id, 'admin', { ...sent, ...limits }).catch((error: unknown) => {
      const isEarly = error instanceof GalleyError && error.code === 'DIAL_REFUSED';
      if (!isEarly || Date.now() > deadline) throw error;
      return undefined;
    });
    if (answer?.status === 200) return;
    if (answer !== undefined) {
      const text = `The replica ${id} did not take the files of its rehearsal: ${answer.status}.`;
      throw new GalleyError('REPLICA_FAILED', text, { hint: 'galley logs NAME' });
    }
    await sleep(20, undefined, { signal });
  }
}
