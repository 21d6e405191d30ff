import { request } from 'node:http';
import { json } from 'node:stream/consumers';
import type { GatewayCounts, GatewayState } from '../gateway/admin.ts';

const timeoutMs = 3000;

/** Asks the gateway on its admin socket. Throws when it does not answer. */
export function askGatewayState(socketPath: string): Promise<GatewayState> {
  // Our own process, of the same release, on a socket that nobody else may open.
  return ask(socketPath, '/state') as Promise<GatewayState>;
}

/** Its counts of minutes not older than `since`. */
export function askGatewayCounts(socketPath: string, since: number): Promise<GatewayCounts> {
  return ask(socketPath, `/counts?since=${since}`) as Promise<GatewayCounts>;
}

async function ask(socketPath: string, path: string): Promise<unknown> {
  return new Promise((resolve, reject) => {
    const asked = request({ socketPath, path, agent: false, signal: AbortSignal.timeout(timeoutMs) });
    asked.once('error', reject);
    asked.once('response', (response) => {
      json(response).then(resolve, reject);
    });
    asked.end();
  });
}
