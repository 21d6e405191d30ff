import { GalleyError } from '@galley/api/error/galley-error';
import { lockRepository } from '@galley/build/lock-repository';
import { describeRecipe } from '../render/recipe.ts';
import { safeText } from '../render/safe-text.ts';
import { lockFlags, lockOptions } from '../service/lock-options.ts';
import { placeLock } from '../service/place-lock.ts';
import { describeSource } from '../service/source-argument.ts';
import type { Command } from './command.ts';

export const command: Command = {
  summary: 'Write pylock.toml: every package of a repository with its version and hash',
  description:
    'Reads the folder as a build does, resolves what it asks for and writes the lock into it, for you to commit: every later build takes exactly these files. Runs nothing of the repository.',
  examples: ['galley lock', 'galley lock examples/iris --as-of 2024-06-01', 'galley lock . --modernise'],
  arguments: [
    { name: 'PATH', description: 'the folder (default: this one)', optional: true, completes: 'path' },
  ],
  options: lockFlags,
  async run(input, context) {
    const argument = await describeSource(input.args[0] ?? '.', {
      cwd: context.cwd,
      include: [],
      name: undefined,
      subdir: undefined,
    });
    if (argument.kind !== 'directory') {
      throw new GalleyError('USAGE', 'galley lock writes into a folder, and an address is none.', {
        hint: 'Clone the repository, then galley lock <folder>.',
      });
    }
    const written = await lockRepository(argument, {
      notebooks: [],
      python: '',
      ...lockOptions(input),
      signal: context.signal,
    });
    const file = await placeLock(argument.path, written);
    return {
      text: [
        describeRecipe(written.recipe),
        ...written.warnings.map((warning) => `warning: ${safeText(warning)}`),
        '',
        `Wrote ${file}: ${written.packages.length} packages. Commit it; galley build takes it from now on.`,
      ].join('\n'),
      value: { file, recipe: written.recipe, packages: written.packages, warnings: written.warnings },
      names: [file],
    };
  },
};
