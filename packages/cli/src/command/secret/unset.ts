import type { Command } from '../command.ts';

export const command: Command = {
  summary: 'Remove a secret',
  examples: ['galley secret unset weather-key'],
  arguments: [{ name: 'NAME', description: 'the secret', completes: 'secret' }],
  async run({ args: [name = ''] }, context) {
    const client = await context.connect();
    await client.call('secretDelete', { params: { project: context.project, name } });
    return { text: `Secret ${name} is gone.`, value: { removed: name }, names: [`secret/${name}`] };
  },
};
