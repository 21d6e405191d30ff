import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { notebookText, treeOfFiles } from '../source/tree-of-files.ts';
import { makeRecipe, type Recipe } from './recipe.ts';
import { parseScript } from './script.ts';

let root: string;
beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'galley-script-'));
});
afterEach(() => rm(root, { recursive: true, force: true }));

async function recipeOf(files: Readonly<Record<string, string>>): Promise<Recipe> {
  const tree = await treeOfFiles(files, root);
  return makeRecipe(tree, { notebooks: [], python: '', supportedPythons: ['3.11', '3.13'] });
}

const serving = 'import numpy as np\n\ndef predictor(rows):\n    return np.ones(len(rows))\n';

describe('a script in place of a notebook', () => {
  it.each([
    [
      'the only one that binds predictor',
      { 'train.py': serving, 'helper.py': 'x = 1', 'setup.py': '' },
      'train.py',
    ],
    ['one that binds it below an if', { 'a.py': 'if True:\n    predictor = len' }, 'a.py'],
    ['one that imports it', { 'a.py': 'from models import predictor', 'models.py': 'x = 1' }, 'a.py'],
    [
      'the one that galley.yaml lists',
      { 'a.py': serving, 'b/c.py': '', 'galley.yaml': 'build: {notebooks: [b/c.py]}' },
      'b/c.py',
    ],
    ['a notebook, although there is a script', { 'a.py': serving, 'n.ipynb': notebookText('1') }, 'n.ipynb'],
  ])('is %s', async (_, files, path) => {
    expect((await recipeOf(files)).notebooks.map((notebook) => notebook.path)).toEqual([path]);
  });

  it.each([
    ['NO_NOTEBOOK', { 'a.py': 'def train():\n    predictor = 1' }],
    ['NO_NOTEBOOK', { 'tests/a.py': serving }],
    ['NO_NOTEBOOK', { 'a.py': 'predictor = (' }],
    ['SEVERAL_NOTEBOOKS', { 'a.py': serving, 'b.py': serving }],
  ])('says %s for %j', async (code, files) => {
    await expect(recipeOf(files)).rejects.toMatchObject({ code });
  });

  it('asks for what it imports, or for what its inline metadata says', async () => {
    const lines = async (text: string): Promise<readonly string[]> =>
      (await recipeOf({ 'train.py': text })).requirements.requirements.map(({ line }) => line);
    expect(await lines(serving)).toEqual(['numpy']);
    const inline =
      '# /// script\n# requires-python = ">=3.12"\n# dependencies = [\n#   "numpy==2.4.6",\n# ]\n# ///\n# %%\n';
    expect(await lines(inline + serving)).toEqual(['numpy==2.4.6']);
    expect((await recipeOf({ 'train.py': inline + serving })).python).toMatchObject({ version: '3.13' });
    const broken = recipeOf({ 'train.py': `# /// script\n# dependencies = [\n# ///\n${serving}` });
    await expect(broken).rejects.toMatchObject({ code: 'REQUIREMENTS_INVALID' });
  });

  it('has the cells that the runtime will count', () => {
    const cells = (text: string): readonly string[] =>
      parseScript('a.py', Buffer.from(text)).cells.map(({ source }) => source.trim());
    expect(
      cells('# only words\n\n# %% [markdown]\n# A title\n# %%\nx = 1\n# %% tags=["test"]\ny = 2'),
    ).toEqual(['x = 1', 'y = 2']);
    expect(cells('import os\n# In[2]:\nx = 1')).toEqual(['import os', 'x = 1']);
    expect(cells('x = 1\n  # %% not at the start')).toEqual(['x = 1\n  # %% not at the start']);
  });
});
