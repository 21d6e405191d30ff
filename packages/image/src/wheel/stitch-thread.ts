/** A thread that stitches one layer after the other: the work is sha256 and inflate, which would hold up everything else. */
import { parentPort } from 'node:worker_threads';
import { GalleyError } from '@galley/api/error/galley-error';
import { openLayoutStore } from '../layout-store.ts';
import { stitchLayer } from './stitch-layer.ts';
import type { StitchReply, StitchRequest } from './stitch-message.ts';

const port = parentPort;
const abort = new AbortController();

async function answer(request: Extract<StitchRequest, { kind: 'stitch' }>): Promise<StitchReply> {
  try {
    const store = await openLayoutStore(request.root);
    const { wheels, environment, part } = request;
    const layer = await stitchLayer(store, wheels, environment, { signal: abort.signal, part });
    return { kind: 'done', layer };
  } catch (error) {
    if (error instanceof GalleyError) return { kind: 'failed', error: error.toJSON() };
    return { kind: 'broken', message: error instanceof Error ? error.message : String(error) };
  }
}

port?.on('message', (request: StitchRequest) => {
  if (request.kind === 'abort') {
    abort.abort();
    return;
  }
  void answer(request).then((reply) => port.postMessage(reply));
});
