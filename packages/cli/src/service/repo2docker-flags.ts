import { GalleyError } from '@galley/api/error/galley-error';
import type { Input, Option } from '../command/command.ts';
import { textOption } from '../program.ts';
import { refuseFlags, type UnsupportedFlags } from './unsupported-flags.ts';

const many = { repeatable: true } as const;

const supported: readonly Option[] = [
  { flags: '--image-name <NAME:TAG>', description: 'what the image is called' },
  { flags: '--ref <REF>', description: 'branch, tag, commit or pull request (pull/7)' },
  { flags: '--subdir <PATH>', description: 'the folder of the repository that is built' },
  { flags: '--no-run', description: 'build only' },
  { flags: '-E, --editable', description: 'work in the folder itself; only with a folder' },
  { flags: '--port <PORT>', description: 'of 127.0.0.1, where JupyterLab answers (default: any free one)' },
  { flags: '--no-build', description: 'say what would be built, and run nothing' },
  { flags: '--push', description: 'push the image to where --image-name says; only with --no-run' },
];

/** Satisfied without doing anything: each says why. */
const satisfied: readonly Option[] = [
  { flags: '--debug', description: 'everything is told' },
  { flags: '--json-logs', description: 'the result as JSON: -o json' },
  { flags: '--no-clean', description: 'nothing is left to clean up' },
  { flags: '--clean', description: 'likewise' },
  { flags: '--user-id <ID>', description: 'the image runs under any user id, with group 0' },
  { flags: '--user-name <NAME>', description: 'likewise' },
  { flags: '--cache-from <IMAGE>', description: 'layers are found by what they are made of', ...many },
];

const unsupported: UnsupportedFlags = {
  env: {
    option: { flags: '-e, --env <NAME=VALUE>', description: 'not supported', ...many },
    instead: 'Store what must not be seen with galley secret set; write everything else into the repository.',
  },
  publish: {
    option: { flags: '-p, --publish <PORTS>', description: 'not supported', ...many },
    instead: 'JupyterLab answers at 127.0.0.1: say --port instead.',
  },
  publishAll: {
    option: { flags: '-P, --publish-all', description: 'not supported' },
    instead: 'JupyterLab answers at 127.0.0.1: say --port instead.',
  },
  volume: {
    option: { flags: '-v, --volume <SOURCE:PATH>', description: 'not supported', ...many },
    instead: '--editable works in the folder itself; galley lab --allow HOST:PORT lets cells fetch data.',
  },
  targetRepoDir: {
    option: { flags: '--target-repo-dir <PATH>', description: 'not supported' },
    instead: 'The repository lies in /home/galley/app, the working directory.',
  },
  appendix: {
    option: { flags: '--appendix <TEXT>', description: 'not supported' },
    instead: 'Write it into postBuild or apt.txt.',
  },
  label: {
    option: { flags: '--label <NAME=VALUE>', description: 'not supported', ...many },
    instead: 'Source, lock and commit are labels already: galley image inspect IMAGE',
  },
  buildArg: {
    option: { flags: '--build-arg <NAME=VALUE>', description: 'not supported', ...many },
    instead: 'No Dockerfile is run: write it into the repository.',
  },
  buildMemoryLimit: {
    option: { flags: '--build-memory-limit <SIZE>', description: 'not supported' },
    instead: 'Write it into galley.yaml: build: {resources: {limits: {memory: 8Gi}}}',
  },
  engine: {
    option: { flags: '--engine <NAME>', description: 'not supported' },
    instead: 'No container engine is needed: leave it out.',
  },
  config: {
    option: { flags: '--config <FILE>', description: 'not supported' },
    instead: 'Write what the repository needs into galley.yaml.',
  },
};

export const repo2dockerOptions: readonly Option[] = [
  ...supported,
  ...satisfied,
  ...Object.values(unsupported).map(({ option }) => option),
];

/** What a command line of repo2docker asks for here. */
export type Repo2dockerPlan = {
  readonly what: 'lab' | 'build' | 'plan';
  /** For the command that does it; of a lab also `editable`, `port` and `tag`. */
  readonly input: Input;
};

/** Throws `USAGE` for what is not supported, and for flags that need another one. */
export function planRepo2docker(input: Input): Repo2dockerPlan {
  refuseFlags(input, unsupported, 'repo2docker');
  const [repository = '.', ...command] = input.args;
  if (command.length > 0) {
    throw new GalleyError('USAGE', `The image runs JupyterLab, not ${JSON.stringify(command.join(' '))}.`, {
      hint: 'Leave the command out, or take the image elsewhere: galley image export',
    });
  }
  const isRun = input.options['run'] !== false;
  const imageName = textOption(input, 'imageName');
  const push = input.options['push'] === true;
  if (input.options['build'] === false)
    return planOf('plan', repository, input, { plan: true, workbench: true });
  if (isRun && push) {
    throw new GalleyError('USAGE', '--push goes with --no-run.', {
      hint: 'galley repo2docker --no-run --push --image-name registry.example/team/lab:v1 REPO',
    });
  }
  if (isRun) {
    const { editable, port } = input.options;
    return planOf('lab', repository, input, {
      ...(editable === undefined ? {} : { editable }),
      ...(port === undefined ? {} : { port }),
      ...(imageName === undefined ? {} : { tag: imageName }),
    });
  }
  if (push && imageName === undefined) {
    throw new GalleyError('USAGE', '--push needs --image-name, which says where to.', {
      hint: '--image-name registry.example/team/lab:v1 --push',
    });
  }
  return planOf('build', repository, input, {
    workbench: true,
    ...(imageName === undefined ? {} : { tag: imageName }),
    ...(push && imageName !== undefined ? { push: imageName } : {}),
  });
}

function planOf(
  what: Repo2dockerPlan['what'],
  repository: string,
  input: Input,
  more: Input['options'],
): Repo2dockerPlan {
  const { ref, subdir } = input.options;
  const common = { ...(ref === undefined ? {} : { ref }), ...(subdir === undefined ? {} : { subdir }) };
  return { what, input: { args: [repository], options: { ...common, ...more } } };
}
