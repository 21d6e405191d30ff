import { rm } from 'node:fs/promises';
import { defaultStepLimits } from '@galley/build/build-step/build-step';
import { makeWorkFolder } from '@galley/build/cache/work-folder';
import { runUsage } from '@galley/build/s2i/usage';
import { textOption } from '../../program.ts';
import { registryFlags } from '../../registry/registry-options.ts';
import { safeText } from '../../render/safe-text.ts';
import { withOwnHome } from '../../server/own-home.ts';
import { openCommandImage } from '../../service/s2i-build.ts';
import { readVariables } from '../../service/s2i-request.ts';
import { s2iLabel } from '../../service/s2i-source.ts';
import type { Command } from '../command.ts';

export const command: Command = {
  summary: 'Say how a builder image is used, in its own words',
  examples: ['galley s2i usage oci:python-builder'],
  arguments: [{ name: 'BUILDER', description: 'the builder image', completes: 'image' }],
  options: [
    { flags: '-e, --env <NAME=VALUE>', description: 'a variable of the script', repeatable: true },
    { flags: '-s, --scripts-url <URL>', description: 'a script that goes before that of the image' },
    { flags: '-p, --pull-policy <POLICY>', description: 'ask a registry always, never, if-not-present' },
    ...registryFlags,
  ],
  async run(input, context) {
    const [name = ''] = input.args;
    const lines: string[] = [];
    const env = await readVariables(input, context.cwd);
    await withOwnHome(context, 'galley s2i usage', async (build) => {
      const workDir = await makeWorkFolder(build.cacheDir, 'usage');
      try {
        const builder = await openCommandImage(name, build, input, context);
        const scriptsUrl = textOption(input, 'scriptsUrl');
        await runUsage(
          { builder, env, scriptsUrl, cwd: context.cwd, limits: defaultStepLimits },
          {
            context: build,
            project: context.project,
            application: s2iLabel(name),
            workDir,
            onLine: (line) => void lines.push(safeText(line)),
          },
        );
      } finally {
        await rm(workDir, { recursive: true, force: true });
      }
    });
    return { text: lines.join('\n'), value: { usage: lines }, names: [name] };
  },
};
