import { formatBytes } from '@galley/api/kind/quantity';
import { planBuild, type BuildPlan } from '@galley/build/plan-build';
import { parseReference } from '@galley/image/registry-client/reference';
import { textOption } from '../program.ts';
import { describeBuild } from '../render/build.ts';
import { describeRecipe } from '../render/recipe.ts';
import { describePush, pushTo } from '../registry/push.ts';
import { safeText } from '../render/safe-text.ts';
import { table } from '../render/table.ts';
import { openStore } from '../server/open-store.ts';
import { lockFlags, lockOptions } from '../service/lock-options.ts';
import { ownSource } from '../service/own-source.ts';
import { allowedHosts } from '../service/allowed-hosts.ts';
import { makeWorkbench, runBuild } from '../service/run-build.ts';
import { readSource, sourceFlags } from '../service/source-flags.ts';
import type { Command } from './command.ts';

export const command: Command = {
  summary: 'Build an image from a repository',
  description:
    'Prints the digest of the service image. When a server runs, it builds there, and Ctrl-C stops it; else the build runs here. --plan says what would be built and runs nothing of the repository. --workbench makes the image that a person works in instead: the same environment and JupyterLab, without a training; it runs under galley lab and under plain Docker (port 8888). A private repository opens to your own git configuration and ssh keys, or to the token or private key in GALLEY_GIT_SECRET.',
  examples: [
    'galley build examples/iris',
    'galley build . -t team/model:v1',
    'galley build model.onnx -t team/model:v1',
    'galley build . --push registry.example/team/model:v1',
    'galley build . --workbench -t team/lab:v1',
    'galley build . --plan -o json',
    'galley build . --modernise',
    'galley build https://example.org/team/old.git --as-of commit',
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
    { flags: '-t, --tag <NAME:TAG>', description: 'also tag the image so' },
    { flags: '--push <REFERENCE>', description: 'then push the image there: registry.example/team/model:v1' },
    { flags: '--plan', description: 'recipe, lock and layers only' },
    { flags: '--workbench', description: 'the image with JupyterLab; nothing is trained' },
    ...lockFlags,
    ...sourceFlags,
    { flags: '--allow <HOST:PORT>', description: 'let the notebook reach this host', repeatable: true },
  ],
  async run(input, context) {
    const allow = allowedHosts(input);
    const argument = await readSource(input, context);
    const isWorkbench = input.options['workbench'] === true;
    const target = textOption(input, 'push');
    // Before the build: a name that is none must not cost ten minutes.
    if (target !== undefined) parseReference(target);
    if (input.options['plan'] === true) {
      const plan = await planBuild(ownSource(argument, context.env['GALLEY_GIT_SECRET']), {
        notebooks: [],
        python: '',
        open: isWorkbench,
        ...lockOptions(input),
        signal: context.signal,
      });
      return { text: describePlan(plan), value: plan, names: plan.packages.map((item) => item.name) };
    }
    const request = {
      argument,
      lock: lockOptions(input),
      egressHosts: allow,
      tag: textOption(input, 'tag'),
    };
    const result = isWorkbench ? await makeWorkbench(request, context) : await runBuild(request, context);
    if (target === undefined) return { text: describeBuild(result), value: result, names: [result.image] };
    const store = await openStore(context.home);
    const pushed = await pushTo(target, { store, digest: result.image }, input, context);
    return {
      text: `${describeBuild(result)}\n\n${describePush(pushed)}`,
      value: { ...result, pushed },
      names: [result.image],
    };
  },
};

function describePlan(plan: BuildPlan): string {
  return [
    describeRecipe(plan.recipe),
    '',
    `Base      ${plan.base}`,
    `Lock      ${plan.lockDigest ?? 'known once what is built here has its hash'}`,
    '',
    table(
      ['PACKAGE', 'VERSION', 'SIZE'],
      plan.packages.map((p) => [p.name, p.version, formatBytes(p.sizeBytes)]),
      ['left', 'left', 'right'],
    ),
    '',
    ...(plan.builds.length === 0 ? [] : [`Builds    ${safeText(plan.builds.join(' · '))}`]),
    `Layers    ${plan.layers.map((layer) => safeText(layer)).join(' · ')}`,
    ...plan.warnings.map((warning) => `warning: ${safeText(warning)}`),
  ].join('\n');
}
