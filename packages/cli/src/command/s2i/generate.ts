import { writeS2iDockerfile } from '../../service/s2i-build.ts';
import { refuseUnsupported, s2iBuildOptions } from '../../service/s2i-flags.ts';
import { describeS2iSource } from '../../service/s2i-source.ts';
import { safeText } from '../../render/safe-text.ts';
import type { Command } from '../command.ts';

export const command: Command = {
  summary: 'Write a Dockerfile that builds this folder with a builder image',
  examples: ['galley s2i generate registry.example/python-311 Dockerfile'],
  arguments: [
    { name: 'BUILDER', description: 'the builder image; it need not be here', completes: 'image' },
    { name: 'FILE', description: 'the Dockerfile to write', completes: 'path' },
  ],
  options: s2iBuildOptions,
  async run(input, context) {
    refuseUnsupported(input);
    const [builder = '', file = ''] = input.args;
    const source = await describeS2iSource('.', {
      cwd: context.cwd,
      ref: '',
      contextDir: '',
      copy: true,
      submodules: true,
      secret: undefined,
    });
    const { path, warnings } = await writeS2iDockerfile(
      { source, builder, tag: undefined },
      file,
      input,
      context,
    );
    return {
      text: [
        ...warnings.map((warning) => `warning: ${safeText(warning)}`),
        `Wrote ${path} and upload/ beside it.`,
      ].join('\n'),
      value: { path, warnings },
      names: [path],
    };
  },
};
