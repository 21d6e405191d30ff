import { setTimeout as sleep } from 'node:timers/promises';
import { GalleyError } from '@galley/api/error/galley-error';
import type { Client } from '@galley/api/http/client';
import { processLives } from '@galley/image/lease/process-identity';
import { findServer } from '../../server/running-server.ts';
import type { Command } from '../command.ts';

export const command: Command = {
  summary: 'Stop the server and everything it runs',
  description:
    'Applications stay known and serve again after the next start. --keep leaves replicas and gateway running meanwhile.',
  examples: ['galley server stop', 'galley server stop --keep'],
  options: [{ flags: '--keep', description: 'leave replicas and the gateway running' }],
  async run({ options }, context) {
    const server = await findServer(context.home);
    if (server === undefined)
      return { text: `No server runs for ${context.home}.`, value: { stopped: false } };
    await stopServer(context.home, await context.connect(), options['keep'] === true);
    return { text: 'The server has stopped.', value: { stopped: true } };
  },
};

/** The gateway answers what is under way for up to 25 s, and replicas have their own grace. */
const goneWithinMs = 60_000;

/**
 * Asks the server to stop and waits until its process is gone: it is no longer found long before that, and whoever starts the next one
 * needs the home. Throws `SERVER_STUCK`.
 */
export async function stopServer(home: string, client: Client, keep: boolean): Promise<void> {
  const server = await findServer(home);
  if (server === undefined) return;
  const identity = { pid: server.pid, startTicks: server.startTime, bootId: server.bootId };
  await client.call('serverStop', { body: { keep } });
  const deadline = Date.now() + goneWithinMs;
  while (processLives(identity)) {
    if (Date.now() > deadline) {
      throw new GalleyError('SERVER_STUCK', `The server for ${home} does not stop: process ${server.pid}.`, {
        hint: `Look at ${home}/server.log, then end its process: kill ${server.pid}`,
        details: { home, pid: server.pid },
      });
    }
    await sleep(50);
  }
}
