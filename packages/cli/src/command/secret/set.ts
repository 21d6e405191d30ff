import { GalleyError } from '@galley/api/error/galley-error';
import type { Command } from '../command.ts';

export const command: Command = {
  summary: 'Set a secret; its value is read from standard input',
  description:
    'The value is never an argument: other users of the machine can read arguments. One line break at its end is taken off.',
  examples: ['printf %s "$TOKEN" | galley secret set weather-key', 'galley secret set weather-key < key.txt'],
  arguments: [{ name: 'NAME', description: 'the secret', completes: 'secret' }],
  async run({ args: [name = ''] }, context) {
    const value = (await context.stdin()).replace(/\r?\n$/, '');
    if (value === '') {
      throw new GalleyError('USAGE', `The value of secret ${name} is empty.`, {
        hint: `printf %s "$VALUE" | galley secret set ${name}`,
      });
    }
    const client = await context.connect({ start: true });
    const info = await client.call('secretPut', {
      params: { project: context.project, name },
      body: { value },
    });
    return { text: `Secret ${name} is set (${info.bytes} bytes).`, value: info, names: [`secret/${name}`] };
  },
};
