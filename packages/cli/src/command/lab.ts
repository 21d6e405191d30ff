import { GalleyError } from '@galley/api/error/galley-error';
import { describeRecipe } from '../render/recipe.ts';
import { safeLine, safeText } from '../render/safe-text.ts';
import { allowedHosts } from '../service/allowed-hosts.ts';
import { captureLab, type Captured } from '../service/capture-lab.ts';
import { runLab } from '../service/lab.ts';
import { portOption } from '../service/lab-port.ts';
import { lockFlags, lockOptions } from '../service/lock-options.ts';
import { readSource } from '../service/source-flags.ts';
import type { Command, Context, Input, Result } from './command.ts';

export const command: Command = {
  summary: 'Work in a folder with JupyterLab, in the environment that its build has',
  description:
    'Builds the workbench of the folder, starts it in a sandbox that reaches the folder and the package index, and prints its address. %pip install goes into an environment of the folder’s own that lasts until --reset; neither this machine nor an image changes. Ctrl-C ends it.',
  examples: [
    'galley lab',
    'galley lab examples/iris --port 8888',
    'galley lab . --allow data.example.org:443',
    'galley lab . --capture',
    'galley lab . --reset',
  ],
  arguments: [
    { name: 'PATH', description: 'the folder (default: this one)', optional: true, completes: 'path' },
  ],
  options: [
    {
      flags: '--capture',
      description: 'start nothing: write what was installed in its labs into pylock.toml, for the next build',
    },
    { flags: '--reset', description: 'forget what was installed in earlier sessions, and start' },
    { flags: '--port <PORT>', description: 'of 127.0.0.1 (default: any free one)' },
    { flags: '--allow <HOST:PORT>', description: 'let the notebooks reach this host', repeatable: true },
    { flags: '--name <NAME>', description: "the application's name: a DNS label" },
    { flags: '--include <GLOB>', description: 'take files that .gitignore keeps back', repeatable: true },
    ...lockFlags,
  ],
  async run(input, context) {
    const argument = await readSource(input, context);
    // The folder of a saved model may be anybody's downloads, and would be open to what runs in the lab.
    if (argument.kind !== 'directory' || argument.only !== undefined) {
      throw new GalleyError('USAGE', `galley lab works in a folder, and ${input.args[0] ?? '.'} is none.`, {
        hint: 'galley lab <folder>, of a clone for example; galley repo2docker <address> shows a repository without a folder.',
      });
    }
    if (input.options['capture'] !== true) {
      return runLab(argument, { isMounted: true, ...startOptions(input) }, context);
    }
    if (input.options['reset'] === true) {
      throw new GalleyError('USAGE', '--reset forgets what --capture would write.', {
        hint: 'First galley lab --capture, then galley lab --reset.',
      });
    }
    return capture(argument, input, context);
  },
};

function startOptions(input: Input): Omit<Parameters<typeof runLab>[1], 'isMounted'> {
  return {
    reset: input.options['reset'] === true,
    port: portOption(input),
    lock: lockOptions(input),
    hosts: allowedHosts(input),
    tag: undefined,
  };
}

async function capture(
  argument: { readonly path: string; readonly include: readonly string[] },
  input: Input,
  context: Context,
): Promise<Result> {
  const captured = await captureLab(argument, lockOptions(input), context);
  return {
    text: describeCapture(captured),
    value: {
      file: captured.written?.file,
      installed: captured.installed.packages,
      elsewhere: captured.installed.elsewhere,
      packages: captured.written?.packages ?? [],
      warnings: captured.written?.warnings ?? [],
    },
    names: captured.written === undefined ? [] : [captured.written.file],
  };
}

function describeCapture({ installed, written }: Captured): string {
  const elsewhere = installed.elsewhere.map(
    (title) => `warning: ${safeLine(title)} did not come from the package index, so that no lock can have it`,
  );
  if (written === undefined)
    return [
      'Nothing was installed in the labs of this folder: there is nothing to capture.',
      ...elsewhere,
    ].join('\n');
  const packages = installed.packages.map(({ name, version }) => `${safeLine(name)} ${safeLine(version)}`);
  return [
    describeRecipe(written.recipe),
    ...written.warnings.map((warning) => `warning: ${safeText(warning)}`),
    ...elsewhere,
    '',
    `Captured  ${packages.join(', ')}`,
    `Wrote ${written.file}: ${written.packages.length} packages. galley build takes it from now on; galley lab --reset begins with it.`,
  ].join('\n');
}
