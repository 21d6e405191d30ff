import { textOption } from '../program.ts';
import { allowedHosts } from '../service/allowed-hosts.ts';
import { deploy, type DeployResult } from '../service/deploy.ts';
import { readSource, sourceFlags } from '../service/source-flags.ts';
import { describeLayers } from '../render/build.ts';
import { safeText } from '../render/safe-text.ts';
import type { Command } from './command.ts';

export const command: Command = {
  summary: 'Build a repository and serve its model',
  description:
    'Takes a folder as it is, a commit of the repository around it (--ref), the address of a git repository, an archive, or a saved model alone (.joblib, .pkl, .onnx, .ubj, and files of XGBoost and LightGBM). Starts a server in the background when none runs. The name comes from galley.yaml, or from the folder or file.',
  examples: [
    'galley deploy',
    'galley deploy examples/flight-delay --name flights',
    'galley deploy model.joblib',
    'galley deploy https://example.org/team/model.git#v1.2',
    'galley deploy git@example.org:team/model.git --ref pull/7 --git-secret model-key',
    'galley deploy . --ref v1.2',
    'galley deploy . --allow data.example.org:443 --include "data/*.csv"',
  ],
  arguments: [
    {
      name: 'PATH|URL',
      description: 'the repository or saved model (default: this folder)',
      optional: true,
      completes: 'path',
    },
  ],
  options: [
    ...sourceFlags,
    { flags: '--detach', description: 'do not wait for the build' },
    {
      flags: '--allow <HOST:PORT>',
      description: 'let the build and the service reach this host',
      repeatable: true,
    },
    {
      flags: '--git-secret <NAME>',
      description: 'a secret with the token or private ssh key of a private repository',
    },
  ],
  async run(input, context) {
    const allow = allowedHosts(input);
    const source = await readSource(input, context);
    const client = await context.connect({ start: true });
    const result = await deploy(client, source, {
      project: context.project,
      allow,
      gitSecret: textOption(input, 'gitSecret'),
      wait: input.options['detach'] !== true,
      emit: context.emit,
      signal: context.signal,
    });
    return { text: describeDeploy(result), value: result, names: [`application/${result.application}`] };
  },
};

/** What a person wants to know after a deploy: digest, layers, where it answers, what to type next. */
export function describeDeploy(result: DeployResult): string {
  const warnings = result.warnings.map((warning) => `warning: ${safeText(warning)}`);
  if (result.image === undefined) {
    return [
      ...warnings,
      `Application ${result.application} is being built as ${result.build ?? 'its next build'}.`,
      `Next: galley logs build/${result.build ?? '…'} -f`,
    ].join('\n');
  }
  return [
    `Image    ${result.image}`,
    describeLayers(result.layers),
    ...warnings,
    '',
    `Service  ${result.url}`,
    ...(result.example === undefined
      ? []
      : [
          '',
          `curl -s ${result.url}/invocations -H 'content-type: application/json' \\`,
          `  -d '${result.example.replaceAll("'", String.raw`'\''`)}'`,
        ]),
  ].join('\n');
}
