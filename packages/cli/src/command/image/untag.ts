import { asTagOwner } from '../../registry/tag-owner.ts';
import type { Command } from '../command.ts';

export const command: Command = {
  summary: 'Take a name away from an image',
  description: 'The image itself stays until nothing needs it and galley image prune is run.',
  examples: ['galley image untag default/iris:good && galley image prune'],
  arguments: [{ name: 'NAME:TAG', description: 'a tag', completes: 'image' }],
  async run({ args: [name = ''] }, context) {
    await asTagOwner(context, (owner) => owner.untag(name));
    return { text: `${name} names nothing any more.`, value: { name }, names: [name] };
  },
};
