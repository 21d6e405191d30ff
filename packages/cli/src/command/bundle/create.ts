import { resolve } from 'node:path';
import { formatBytes } from '@galley/api/kind/quantity';
import { GalleyError } from '@galley/api/error/galley-error';
import { createBundle } from '@galley/build/bundle/create-bundle';
import { textOption } from '../../program.ts';
import { withOwnHome } from '../../server/own-home.ts';
import { allowedHosts } from '../../service/allowed-hosts.ts';
import { lockFlags, lockOptions } from '../../service/lock-options.ts';
import { ownSource } from '../../service/own-source.ts';
import { readSource, sourceFlags } from '../../service/source-flags.ts';
import type { Command } from '../command.ts';

export const command: Command = {
  summary: 'Write a repository with all that its build needs into one file',
  description:
    'Builds the repository and writes source, lock, wheels, base, model and rehearsal into one file: galley bundle build makes the same images of it on a machine without a network. The report and the executed notebook, with their outputs, are in it too; secrets and the rows of the sample are not.',
  examples: [
    'galley bundle create examples/iris -o iris.bundle',
    'galley bundle create . --file model.bundle',
  ],
  arguments: [
    {
      name: 'PATH|URL',
      description: 'the repository (default: this folder)',
      optional: true,
      completes: 'path',
    },
  ],
  options: [
    { flags: '-o, --file <FILE>', description: 'the file to write; it must not exist' },
    ...lockFlags,
    ...sourceFlags,
    { flags: '--allow <HOST:PORT>', description: 'let the notebook reach this host', repeatable: true },
  ],
  async run(input, context) {
    const file = textOption(input, 'file');
    if (file === undefined)
      throw new GalleyError('USAGE', 'galley bundle create needs the file to write.', {
        hint: 'galley bundle create . -o model.bundle',
      });
    const allow = allowedHosts(input);
    const argument = await readSource(input, context);
    const source = ownSource(argument, context.env['GALLEY_GIT_SECRET']);
    const made = await withOwnHome(context, 'galley bundle create', (build) =>
      createBundle(
        source,
        {
          name: argument.name,
          project: context.project,
          notebooks: [],
          python: '',
          egressHosts: allow,
          secrets: [],
          ...lockOptions(input),
          reveal: build.reveal(context.project),
        },
        build,
        resolve(context.cwd, file),
      ),
    );
    const { build, path, digest, sizeBytes, wheels } = made;
    return {
      text: [
        `Wrote ${path}: ${formatBytes(sizeBytes)}, ${wheels} wheels.`,
        `Environment ${build.environment}`,
        `Image       ${build.image}`,
        '',
        `On a machine without a network: galley bundle build ${file}`,
      ].join('\n'),
      value: { file: path, sizeBytes, digest, environment: build.environment, image: build.image },
      names: [path],
    };
  },
};
