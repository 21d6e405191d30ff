import { s2iBuildOptions } from '../../service/s2i-flags.ts';
import type { Command } from '../command.ts';
import { command as build } from './build.ts';

export const command: Command = {
  summary: 'Write a Dockerfile that builds this folder with a builder image',
  examples: ['galley s2i generate registry.example/python-311 Dockerfile'],
  arguments: [
    { name: 'BUILDER', description: 'the builder image; it need not be here', completes: 'image' },
    { name: 'FILE', description: 'the Dockerfile to write', completes: 'path' },
  ],
  options: s2iBuildOptions,
  async run(input, context) {
    const [builder = '', asDockerfile = ''] = input.args;
    const options = { ...input.options, copy: true, asDockerfile };
    return build.run({ args: ['.', builder], options }, context);
  },
};
