import { access, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { GalleyError } from '@galley/api/error/galley-error';
import { openDirectory } from '@galley/build/source/directory';
import { availablePythons } from '@galley/build/base/plan-base';
import { makeRecipe } from '@galley/build/recipe/recipe';
import { safeText } from '../render/safe-text.ts';
import type { Command } from './command.ts';

export const command: Command = {
  summary: 'Write galley.yaml from what is found in a folder',
  description:
    'Says what Galley would do without the file, so that it can be changed. Nothing of the repository is run.',
  examples: ['galley init', 'galley init examples/iris --force'],
  arguments: [
    { name: 'PATH', description: 'the folder (default: this one)', optional: true, completes: 'path' },
  ],
  options: [{ flags: '--force', description: 'replace a galley.yaml that is there' }],
  async run({ args: [path = '.'], options }, context) {
    const folder = resolve(context.cwd, path);
    const file = join(folder, 'galley.yaml');
    const exists = await access(file).then(
      () => true,
      () => false,
    );
    if (exists && options['force'] !== true) {
      throw new GalleyError('USAGE', `${file} is there already.`, {
        hint: 'galley init --force replaces it.',
      });
    }
    const spool = await mkdtemp(join(tmpdir(), 'galley-init-'));
    try {
      const tree = await openDirectory(folder, { spool, include: [], signal: context.signal });
      const recipe = await makeRecipe(tree, {
        notebooks: [],
        python: '',
        supportedPythons: await availablePythons(),
        signal: context.signal,
      });
      const text = [
        '# How Galley builds and serves this repository: what it found. Every line is optional.',
        'build:',
        recipe.model === undefined
          ? `  notebooks: [${recipe.notebooks.map((notebook) => JSON.stringify(notebook.path)).join(', ')}]`
          : `  model: ${JSON.stringify(recipe.model.path)}`,
        `  python: "${recipe.python.version}"`,
        '',
      ].join('\n');
      await writeFile(file, text);
      await tree.dispose();
      return {
        text: `Wrote ${file}:\n\n${safeText(text)}\nNext: galley deploy ${path}`,
        value: {
          file,
          notebooks: recipe.notebooks.map((notebook) => notebook.path),
          python: recipe.python.version,
        },
        names: [file],
      };
    } finally {
      await rm(spool, { recursive: true, force: true });
    }
  },
};
