import { GalleyError } from '@galley/api/error/galley-error';
import type { Input, Option } from '../command/command.ts';
import { registryFlags } from '../registry/registry-options.ts';
import { refuseFlags, type UnsupportedFlags } from './unsupported-flags.ts';

const many = { repeatable: true } as const;

/** The flags of `s2i build` that do something here, and those that are satisfied without doing anything. */
const supported: readonly Option[] = [
  { flags: '-e, --env <NAME=VALUE>', description: 'a variable of scripts and image', ...many },
  { flags: '-E, --environment-file <FILE>', description: 'variables from a file' },
  { flags: '-r, --ref <REF>', description: 'branch, tag or commit' },
  { flags: '-c, --copy', description: 'the folder as it lies there, not what git has of it' },
  { flags: '--context-dir <PATH>', description: 'the folder of the repository that is built' },
  { flags: '-s, --scripts-url <URL>', description: 'scripts that go before those of source and image' },
  { flags: '--incremental', description: 'save artifacts of the image that TAG names now' },
  { flags: '-i, --inject <SOURCE:PATH>', description: 'files that only scripts see, in no layer', ...many },
  { flags: '-d, --destination <PATH>', description: 'where scripts find source and artifacts' },
  { flags: '--assemble-user <USER>', description: 'who runs assemble' },
  { flags: '--assemble-runtime-user <USER>', description: 'who runs assemble-runtime' },
  { flags: '-u, --allowed-uids <RANGES>', description: 'users that images may name: 1-' },
  { flags: '--runtime-image <IMAGE>', description: 'carry artifacts over to this image' },
  { flags: '-a, --runtime-artifact <PATH:FOLDER>', description: 'what is carried over', ...many },
  { flags: '--as-dockerfile <FILE>', description: 'write the build for other tools instead' },
  { flags: '--image-scripts-url <URL>', description: 'where an image that is not here has its scripts' },
  { flags: '--exclude <REGEXP>', description: 'paths of the source that are left out' },
  { flags: '--ignore-submodules', description: 'leave submodules empty' },
  { flags: '-n, --application-name <NAME>', description: 'the display name, a label' },
  { flags: '--description <TEXT>', description: 'a label' },
  { flags: '--callback-url <URL>', description: 'told by POST how it went' },
  { flags: '-p, --pull-policy <POLICY>', description: 'ask a registry always, never, if-not-present' },
  { flags: '--runtime-pull-policy <POLICY>', description: 'the same for the runtime image' },
  ...registryFlags,
  { flags: '-q, --quiet', description: 'without what scripts write' },
  { flags: '--allow <HOST:PORT>', description: 'let scripts reach this host (Galley)', ...many },
];

/** Satisfied without doing anything: each says why. */
const satisfied: readonly Option[] = [
  { flags: '--incremental-pull-policy <POLICY>', description: 'the image before is looked for in the store' },
  { flags: '--cap-drop <NAMES>', description: 'scripts of users have none, those of root seven', ...many },
  { flags: '--keep-symlinks', description: 'links are always kept' },
  { flags: '--rm', description: 'the image before has no name any more, and goes when images are pruned' },
  { flags: '--loglevel <LEVEL>', description: 'everything is told' },
  { flags: '--scripts <URL>', description: 'the old name of --scripts-url' },
  { flags: '-l, --location <PATH>', description: 'the old name of --destination' },
];

const unsupported: UnsupportedFlags = {
  volume: {
    option: { flags: '-v, --volume <SOURCE:PATH>', description: 'not supported', ...many },
    instead: 'Give scripts files with --inject; what they download goes through the package index.',
  },
  run: {
    option: { flags: '--run', description: 'not supported' },
    instead: 'Export the image and run it: galley image export TAG app.tar --format docker-archive',
  },
  network: {
    option: { flags: '--network <NAME>', description: 'not supported' },
    instead: 'Scripts have the package index and no network; allow a host: --allow HOST:PORT',
  },
  addHost: {
    option: { flags: '--add-host <NAME:ADDRESS>', description: 'not supported', ...many },
    instead: 'Allow a host by its name: --allow HOST:PORT',
  },
  useConfig: {
    option: { flags: '--use-config', description: 'not supported' },
    instead: 'Write the flags down in a script.',
  },
  url: {
    option: { flags: '-U, --url <SOCKET>', description: 'not supported' },
    instead: 'There is no daemon to talk to: leave it out.',
  },
  dockercfgPath: {
    option: { flags: '--dockercfg-path <FILE>', description: 'not supported' },
    instead: 'Log in as docker does (~/.docker/config.json), or give --username.',
  },
  saveTempDir: {
    option: { flags: '--save-temp-dir', description: 'not supported' },
    instead: 'Write the build out: --as-dockerfile out/Dockerfile',
  },
};

export const s2iBuildOptions: readonly Option[] = [
  ...supported,
  ...satisfied,
  ...Object.values(unsupported).map(({ option }) => option),
];

/** Throws `USAGE` for a flag that is known and not supported, and for two that exclude each other. */
export function refuseUnsupported(input: Input): void {
  refuseFlags(input, unsupported, 's2i');
  if (input.options['incremental'] === true && input.options['runtimeImage'] !== undefined) {
    throw new GalleyError('USAGE', '--incremental cannot be used with --runtime-image.', {
      hint: 'Leave one of them out.',
    });
  }
}
