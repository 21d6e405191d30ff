import { planRepo2docker, repo2dockerOptions } from '../service/repo2docker-flags.ts';
import { command as build } from './build.ts';
import type { Command } from './command.ts';
import { command as deploy } from './deploy.ts';

export const command: Command = {
  summary: 'Take the command line of repo2docker: build a repository and serve it',
  description:
    'With --no-run what galley build --workbench does, an image with JupyterLab, under the flags of repo2docker; without it what galley deploy does: the model of the notebook is served. Flags that ask for what is not here are refused by name.',
  examples: [
    'galley repo2docker https://example.org/team/model.git --ref v1.2',
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
    return what === 'deploy' ? deploy.run(translated, context) : build.run(translated, context);
  },
};
