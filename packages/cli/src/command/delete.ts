import { setTimeout as sleep } from 'node:timers/promises';
import type { Command } from './command.ts';
import { findApplication } from '../service/find.ts';

export const command: Command = {
  summary: 'Delete an application with its builds, revisions and replicas',
  description:
    'Images stay in the store: `galley image list` shows them, and a later deploy of the same source reuses them.',
  examples: ['galley delete iris'],
  arguments: [{ name: 'NAME', description: 'the application', completes: 'application' }],
  async run({ args: [name = ''] }, context) {
    const client = await context.connect();
    await findApplication(client, name, context.project);
    await client.delete('Application', context.project, name, { propagation: 'Foreground' });
    while ((await client.get('Application', context.project, name)) !== undefined) {
      await sleep(100, undefined, { signal: context.signal });
    }
    return {
      text: `Deleted application ${name} with its builds, revisions and replicas.`,
      value: { deleted: name },
      names: [`application/${name}`],
    };
  },
};
