import type { Engine } from '@galley/engine/engine';
import { dialRequest } from '@galley/engine/socket/dial-request';

/** The port of every service (docs/design/wire.md). */
export const servicePort = 8080;
const timeoutMs = 2000;
const bytesMax = 64 * 1024;

/** How a replica answered when it was last asked. */
export interface Health {
  readonly ready: boolean;
  /** Why not. */
  readonly problem?: string;
}

/** Asks `/healthz`: ready is who answers 200. Never throws for what the replica does. */
export async function checkHealth(engine: Engine, workload: string, signal: AbortSignal): Promise<Health> {
  try {
    const options = { path: '/healthz', timeoutMs, bytesMax, signal };
    const { status } = await dialRequest(engine, workload, servicePort, options);
    return status === 200 ? { ready: true } : { ready: false, problem: `/healthz answered ${status}` };
  } catch (error) {
    signal.throwIfAborted();
    return { ready: false, problem: error instanceof Error ? error.message : 'it does not answer' };
  }
}
