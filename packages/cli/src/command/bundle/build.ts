import { resolve } from 'node:path';
import { buildBundle } from '@galley/build/bundle/build-bundle';
import { textOption } from '../../program.ts';
import { describeBuild } from '../../render/build.ts';
import { withOwnHome } from '../../server/own-home.ts';
import type { Command } from '../command.ts';

export const command: Command = {
  summary: 'Build the images of a bundle, without a network',
  description:
    'Makes the environment anew from what the file brings, takes model and rehearsal as they are, lets the image answer its golden request, and fails unless environment and image have the digests that the bundle promises. Compare them with those that galley bundle create printed: they are all that says who made it.',
  examples: ['galley bundle build iris.bundle', 'galley bundle build iris.bundle -t team/iris:v1'],
  arguments: [{ name: 'FILE', description: 'what galley bundle create wrote', completes: 'path' }],
  options: [{ flags: '-t, --tag <NAME:TAG>', description: 'also tag the image so' }],
  async run(input, context) {
    const tag = textOption(input, 'tag');
    const result = await withOwnHome(context, 'galley bundle build', async (build) => {
      const options = { project: context.project, reveal: build.reveal(context.project) };
      const made = await buildBundle(resolve(context.cwd, input.args[0] ?? ''), options, build);
      if (tag !== undefined) await build.store.tag(tag, made.image);
      return made;
    });
    return { text: describeBuild(result), value: result, names: [result.image] };
  },
};
