import { setTimeout as sleep } from 'node:timers/promises';
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
    const client = await context.connect();
    await client.call('serverStop', { body: { keep: options['keep'] === true } });
    while ((await findServer(context.home)) !== undefined)
      await sleep(50, undefined, { signal: context.signal });
    return { text: 'The server has stopped.', value: { stopped: true } };
  },
};
