import { GalleyError } from '@galley/api/error/galley-error';
import { textOption } from '../program.ts';
import { runLab } from '../service/lab.ts';
import { portOption } from '../service/lab-port.ts';
import { planRepo2docker, repo2dockerOptions } from '../service/repo2docker-flags.ts';
import { readSource } from '../service/source-flags.ts';
import { command as build } from './build.ts';
import type { Command, Context, Input, Result } from './command.ts';

export const command: Command = {
  summary: 'Take the command line of repo2docker: build a repository and open it in JupyterLab',
  description:
    'Under the flags of repo2docker: builds the image with JupyterLab and starts it in a sandbox, where what is made goes with the session; --editable works in the folder itself, as galley lab does, and --no-run only builds, as galley build --workbench does. Flags that ask for what is not here are refused by name.',
  examples: [
    'galley repo2docker https://example.org/team/model.git --ref v1.2',
    'galley repo2docker --editable --port 8888 .',
    'galley repo2docker --no-run --image-name team/lab:v1 .',
    'galley repo2docker --no-build --subdir "a folder" .',
  ],
  arguments: [
    { name: 'REPO', description: 'a folder, or the address of a repository', completes: 'path' },
    { name: 'CMD', description: 'not supported', optional: true },
  ],
  options: repo2dockerOptions,
  async run(input, context) {
    const { what, input: translated } = planRepo2docker(input);
    return what === 'lab' ? lab(translated, context) : build.run(translated, context);
  },
};

async function lab(input: Input, context: Context): Promise<Result> {
  const isMounted = input.options['editable'] === true;
  const argument = await readSource(input, context);
  if (isMounted && (argument.kind !== 'directory' || argument.only !== undefined)) {
    throw new GalleyError('USAGE', `--editable works in a folder, and ${input.args[0] ?? '.'} is none.`, {
      hint: 'galley repo2docker --editable <folder>, of a clone for example.',
    });
  }
  return runLab(
    argument,
    {
      isMounted,
      reset: false,
      port: portOption(input),
      lock: {},
      hosts: [],
      tag: textOption(input, 'tag'),
    },
    context,
  );
}
