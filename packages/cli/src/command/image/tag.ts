import { shortDigest } from '@galley/api/digest';
import { asTagOwner } from '../../registry/tag-owner.ts';
import type { Command } from '../command.ts';

export const command: Command = {
  summary: 'Give an image a further name',
  examples: ['galley image tag default/iris:latest default/iris:good'],
  arguments: [
    { name: 'IMAGE', description: 'a tag, a digest or the first digits of one', completes: 'image' },
    { name: 'NAME:TAG', description: 'the new name; one that exists moves' },
  ],
  async run({ args: [reference = '', name = ''] }, context) {
    return asTagOwner(context, async (owner) => {
      const digest = await owner.store.resolve(reference);
      await owner.tag(name, digest);
      return { text: `${name} is ${shortDigest(digest)}.`, value: { name, digest }, names: [name] };
    });
  },
};
