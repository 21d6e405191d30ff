import { setTimeout as sleep } from 'node:timers/promises';
import { GalleyError } from '@galley/api/error/galley-error';
import type { Client } from '@galley/api/http/client';
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

const goneWithinMs = 60_000;

/** Asks the server to stop and waits until its process is gone. */
export async function stopServer(home: string, client: Client, keep: boolean): Promise<void> {
  await client.call('serverStop', { body: { keep } });
  const deadline = Date.now() + goneWithinMs;
  while ((await findServer(home)) !== undefined) {
    if (Date.now() > deadline) {
      throw new GalleyError('SERVER_STUCK', `The server for ${home} does not stop.`, {
        hint: `Look at ${home}/server.log, then end its process.`,
      });
    }
    await sleep(50);
  }
}
