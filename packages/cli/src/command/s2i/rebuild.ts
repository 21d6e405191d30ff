import { GalleyError } from '@galley/api/error/galley-error';
import { s2iLabel } from '@galley/build/s2i/labels';
import { readImage } from '@galley/image/assemble/read-image';
import { textOption } from '../../program.ts';
import { openStore } from '../../server/open-store.ts';
import { refuseUnsupported, s2iBuildOptions } from '../../service/s2i-flags.ts';
import { describeS2iSource } from '../../service/s2i-source.ts';
import type { Command } from '../command.ts';
import { runS2i } from './build.ts';

export const command: Command = {
  summary: 'Build an image again from what its labels say',
  description:
    'Source, builder, ref and folder are read from the labels that s2i writes; flags go on top of them. Since an image may name any address, GALLEY_GIT_SECRET is not shown to it; git asks your own credential helpers and ssh keys.',
  examples: ['galley s2i rebuild team/app:v1', 'galley s2i rebuild team/app:v1 team/app:v2 --incremental'],
  arguments: [
    { name: 'IMAGE', description: 'an image that was built by s2i', completes: 'image' },
    { name: 'TAG', description: 'what the new image is called (default: the same)', optional: true },
  ],
  options: s2iBuildOptions,
  async run(input, context) {
    refuseUnsupported(input);
    const [name = '', tag = name] = input.args;
    const store = await openStore(context.home);
    const { Labels = {} } = (await readImage(store, await store.resolve(name))).config.config;
    const builder = Labels[`${s2iLabel.build}image`];
    const location = Labels[`${s2iLabel.build}source-location`];
    if (builder === undefined || location === undefined) {
      throw new GalleyError('BUILDER_INVALID', `${name} does not say how it was built.`, {
        hint: `It needs the labels ${s2iLabel.build}image and ${s2iLabel.build}source-location.`,
      });
    }
    const ref = textOption(input, 'ref') ?? Labels[`${s2iLabel.build}commit.ref`] ?? '';
    const contextDir = textOption(input, 'contextDir') ?? Labels[`${s2iLabel.build}source-context-dir`] ?? '';
    const copy = input.options['copy'] === true;
    const source = await describeS2iSource(location, {
      cwd: context.cwd,
      ref,
      contextDir,
      copy,
      submodules: input.options['ignoreSubmodules'] !== true,
      // The address is the image's word, and anybody may have written it: a token goes only where a person has sent it.
      secret: undefined,
    });
    const options = { ...input.options, contextDir };
    return runS2i({ source, builder, tag }, { ...input, options }, context);
  },
};
