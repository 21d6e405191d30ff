import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { manyAliases, notebookText, treeOfFiles } from '../source/tree-of-files.ts';
import { satisfies } from './python-version.ts';
import { makeRecipe, type Recipe } from './recipe.ts';

let root: string;
beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'galley-recipe-'));
});
afterEach(async () => {
  await rm(root, { recursive: true, force: true });
});

const notebook = notebookText;

async function recipeOf(
  files: Readonly<Record<string, string | Buffer>>,
  more: { readonly open?: boolean } = {},
): Promise<Recipe> {
  return makeRecipe(await treeOfFiles(files, root), {
    notebooks: [],
    python: '',
    supportedPythons: ['3.11', '3.13'],
    ...more,
  });
}

const lines = (recipe: Recipe): readonly string[] => recipe.requirements.requirements.map(({ line }) => line);

describe('which notebooks run', () => {
  it('reads all of them where nothing is to run, and is content with none', async () => {
    const two = { 'a.ipynb': notebook('import numpy'), 'b.ipynb': notebook('import pandas') };
    const open = await recipeOf(two, { open: true });
    expect(open.notebooks.map(({ path }) => path)).toEqual(['a.ipynb', 'b.ipynb']);
    expect(lines(open)).toEqual(['numpy', 'pandas']);
    const empty = await recipeOf({ 'README.md': 'nothing yet' }, { open: true });
    expect(empty.notebooks).toEqual([]);
    const one = { ...two, 'galley.yaml': 'build: {notebooks: [b.ipynb]}' };
    expect((await recipeOf(one, { open: true })).notebooks.map(({ path }) => path)).toEqual(['b.ipynb']);
  });

  it('takes the only one at the root, although there are others below', async () => {
    const recipe = await recipeOf({ 'a.ipynb': notebook('1'), 'old/b.ipynb': notebook('1') });
    expect(recipe.notebooks.map(({ path }) => path)).toEqual(['a.ipynb']);
  });

  it('takes the order of galley.yaml, then that of an S2I repository', async () => {
    const files = { 'a.ipynb': notebook('1'), 'b.ipynb': notebook('1') };
    const yaml = await recipeOf({ ...files, 'galley.yaml': 'build: {notebooks: [b.ipynb, a.ipynb]}' });
    const s2i = await recipeOf({
      ...files,
      '.s2i/environment': 'S2I_SOURCE_NOTEBOOK_LIST=b.ipynb, a.ipynb\n',
    });
    expect(yaml.notebooks.map(({ path }) => path)).toEqual(['b.ipynb', 'a.ipynb']);
    expect(s2i.notebooks.map(({ path }) => path)).toEqual(['b.ipynb', 'a.ipynb']);
  });

  it.each([
    ['NO_NOTEBOOK', { 'a.py': '' }],
    ['SEVERAL_NOTEBOOKS', { 'a.ipynb': notebook('1'), 'b.ipynb': notebook('1') }],
    ['NO_NOTEBOOK', { 'a.ipynb': notebook('1'), 'galley.yaml': 'build: {notebooks: [c.ipynb]}' }],
    ['NOTEBOOK_INVALID', { 'a.ipynb': '{"cells": [' }],
    [
      'NOTEBOOK_INVALID',
      { 'a.ipynb': JSON.stringify({ cells: [], metadata: { kernelspec: { language: 'R' } } }) },
    ],
    ['GALLEY_YAML_INVALID', { 'a.ipynb': notebook('1'), 'galley.yaml': 'build: {notebook: a.ipynb}' }],
    ['GALLEY_YAML_INVALID', { 'a.ipynb': notebook('1'), 'galley.yaml': 'build: [' }],
    ['GALLEY_YAML_INVALID', { 'a.ipynb': notebook('1'), 'galley.yaml': manyAliases }],
  ])('says %s for %j', async (code, files) => {
    await expect(recipeOf(files)).rejects.toMatchObject({ code });
  });

  it('names the unknown key of a galley.yaml', async () => {
    const reading = recipeOf({ 'a.ipynb': notebook('1'), 'galley.yaml': 'build: {notebook: a.ipynb}' });
    await expect(reading).rejects.toThrow(/build\.notebook/);
  });
});

describe('which Python', () => {
  it.each([
    ['3.11', 'default', {}],
    ['3.13', 'runtime.txt', { 'runtime.txt': 'python-3.13.1\n' }],
    ['3.13', '.python-version', { '.python-version': '3.13.0\n' }],
    [
      '3.13',
      'pyproject.toml',
      { 'pyproject.toml': '[project]\nname = "x"\nrequires-python = ">=3.12,<4"\n' },
    ],
    ['3.13', 'galley.yaml', { 'galley.yaml': 'build: {python: "3.13"}', 'runtime.txt': 'python-3.11' }],
  ])('is %s by %s', async (version, from, files) => {
    const recipe = await recipeOf({ 'a.ipynb': notebook('1'), ...files });
    expect([recipe.python.version, recipe.python.from]).toEqual([version, from]);
  });

  it('says which would do when it has no base', async () => {
    const reading = recipeOf({ 'a.ipynb': notebook('1'), 'runtime.txt': 'python-3.6' });
    await expect(reading).rejects.toMatchObject({
      code: 'PYTHON_UNSUPPORTED',
      message: expect.stringContaining('is too old'),
      hint: expect.stringMatching(/3\.11, 3\.13 in galley\.yaml.*the nearest\.$/),
      details: { supported: ['3.11', '3.13'] },
    });
    // One that only is not here can be installed.
    const missing = recipeOf({ 'a.ipynb': notebook('1'), 'runtime.txt': 'python-3.10' });
    await expect(missing).rejects.toMatchObject({ hint: expect.stringContaining('uv python install 3.10') });
  });

  it('reads ranges as PEP 440 means them', () => {
    const fits = (range: string): readonly string[] =>
      ['3.9', '3.11', '3.13'].filter((version) => satisfies(version, range));
    expect(fits('>=3.10')).toEqual(['3.11', '3.13']);
    expect(fits('>=3.8,<3.12')).toEqual(['3.9', '3.11']);
    expect(fits('~=3.11')).toEqual(['3.11', '3.13']);
    expect(fits('~=3.11.2')).toEqual(['3.11']);
    expect(fits('==3.*')).toEqual(['3.9', '3.11', '3.13']);
    expect(fits('!=3.11.*')).toEqual(['3.9', '3.13']);
  });
});

describe('which packages', () => {
  it('reads the requirements cell, %pip lines, requirements.txt and pyproject.toml without running anything', async () => {
    const recipe = await recipeOf({
      'a.ipynb': notebook(
        'requirements = [["pandas", "2.3.3"], ["numpy"], "scipy>=1.10", ["Scikit_Learn", ">=1.7"]]',
        '%pip install -q seaborn "plotly<6; python_version > \'3\'"\nopen("/tmp/galley-ran", "w")',
        '!pip install xgboost==2.0.0',
      ),
      'requirements.txt': Buffer.concat([
        Buffer.from([0xff, 0xfe]),
        Buffer.from('-r more.txt\r\nrequests \\\r\n >=2 # why\r\n', 'utf16le'),
      ]),
      'more.txt': 'tqdm==4.66.1 --hash=sha256:' + 'a'.repeat(64) + '\n-c limits.txt\n',
      'limits.txt': 'idna<4\n',
      'pyproject.toml': '[project]\nname = "x"\ndependencies = ["joblib; python_version > \'3\'"]\n',
    });
    expect(lines(recipe)).toEqual([
      'pandas==2.3.3',
      'numpy',
      'scipy>=1.10',
      'Scikit_Learn>=1.7',
      'seaborn',
      "plotly<6; python_version > '3'",
      'xgboost==2.0.0',
      'tqdm==4.66.1',
      'requests  >=2',
      "joblib; python_version > '3'",
    ]);
    expect(recipe.requirements.requirements[7]?.hashes).toEqual(['a'.repeat(64)]);
    expect(recipe.requirements.constraints.map(({ line }) => line)).toEqual(['idna<4']);
  });

  it('guesses from the imports when nothing is declared, by way of the repository own modules', async () => {
    const recipe = await recipeOf({
      'a.ipynb': notebook(
        'import os, mine\nfrom sklearn.datasets import load_iris\nload_iris(as_frame=True)',
        '%%bash\nimport nothing',
      ),
      'mine.py': 'import yaml\nfrom deep import x',
      'deep/__init__.py': 'import cv2',
      'unused.py': 'import tensorflow',
    });
    expect(recipe.requirements.guessed).toBe(true);
    expect(lines(recipe)).toEqual(['opencv-python-headless', 'scikit-learn', 'pyyaml', 'pandas']);
    expect(recipe.requirements.requirements.at(-1)?.from).toBe('as_frame=True in a.ipynb cell 1');
  });

  it.each([
    ['requirements.txt line 2', { 'requirements.txt': 'numpy\n-e ../other\n' }],
    ['requirements.txt line 1', { 'requirements.txt': 'x @ ftp://example.org/x.whl\n' }],
    ['requirements.txt line 1', { 'requirements.txt': '--no-index\n' }],
    ['requirements.txt line 1', { 'requirements.txt': '/opt/wheels/x.whl\n' }],
    ['requirements.txt line 1', { 'requirements.txt': 'x==${VERSION}\n' }],
    ['requirements.txt line 1', { 'requirements.txt': 'not a requirement\n' }],
    ['a.ipynb cell 1', { 'a.ipynb': notebook('requirements = make()') }],
    ['a.ipynb cell 1', { 'a.ipynb': notebook('requirements = {"a": 1}') }],
    ['a.ipynb cell 1', { 'a.ipynb': notebook('%pip install hg+https://example.org/x') }],
    ['../up.txt', { 'requirements.txt': '-r ../up.txt\n' }],
    [
      'limits.txt line 1',
      {
        'requirements.txt': '-c limits.txt\n',
        'limits.txt': 'idna @ https://example.org/idna-3-py3-none-any.whl\n',
      },
    ],
  ])('names %s when it cannot be locked', async (from, files) => {
    const reading = recipeOf({ 'a.ipynb': notebook('1'), ...files });
    await expect(reading).rejects.toMatchObject({ code: 'REQUIREMENTS_INVALID', details: { from } });
  });

  it('warns of a cell that it could not parse and reads the others', async () => {
    const recipe = await recipeOf({ 'a.ipynb': notebook('this is no python', 'import numpy') });
    expect(lines(recipe)).toEqual(['numpy']);
    expect(recipe.requirements.warnings).toEqual([expect.stringContaining('a.ipynb cell 1')]);
  });
});

describe('what else sets up a repository', () => {
  it('takes variables of .s2i/environment, an index among them as one, and leaves ours as they are', async () => {
    const recipe = await recipeOf({
      'a.ipynb': notebook('1'),
      '.s2i/environment':
        '# FIRST=1\r\n RATE = 0.5 # no comment\r\nEMPTY=\r\nnot an assignment\r\nPATH=/x\r\nPIP_INDEX_URL=https://u:p@index.example.org/simple\r\n',
    });
    expect(recipe.environment).toEqual({ RATE: '0.5 # no comment', EMPTY: '' });
    expect(recipe.requirements.indexes).toEqual([
      { url: 'https://index.example.org/simple', kind: 'index', from: '.s2i/environment' },
    ]);
    expect(recipe.requirements.warnings).toEqual([
      '.s2i/environment: PATH is set by Galley and stays as it is',
    ]);
  });

  it('brings bash for a postBuild, beside what apt.txt asks for', async () => {
    const recipe = await recipeOf({
      'a.ipynb': notebook('1'),
      'binder/apt.txt': 'git\n',
      'binder/postBuild': '#!/bin/bash\n',
    });
    expect([recipe.postBuild, recipe.systemPackages]).toEqual(['binder/postBuild', ['bash', 'git']]);
  });

  it('keeps the notebook that runs in the image although .dockerignore says otherwise', async () => {
    const recipe = await recipeOf({ 'a.ipynb': notebook('1'), 'data/x.csv': '1', '.dockerignore': '*' });
    expect(recipe.tree.entries.map(({ path }) => path)).toEqual(['a.ipynb']);
    expect(recipe.files).toContainEqual({
      path: '.dockerignore',
      use: 'adds',
      why: 'keeps 2 files out of the images',
    });
  });

  it('guesses nothing where a file says that nothing is needed', async () => {
    const recipe = await recipeOf({ 'a.ipynb': notebook('import numpy'), 'requirements.txt': '# none\n' });
    expect([recipe.requirements.guessed, lines(recipe)]).toEqual([false, []]);
  });
});

describe('a group for development', () => {
  it('is for the notebook only, but for what the notebook imports', async () => {
    const recipe = await recipeOf({
      'a.ipynb': notebook('import sklearn'),
      Pipfile: '[packages]\nidna = "*"\n[dev-packages]\nscikit-learn = "*"\npytest = "*"\n',
    });
    expect(lines(recipe)).toEqual(['idna', 'scikit-learn']);
    expect(recipe.requirements.running.map(({ line }) => line)).toEqual(['pytest']);
  });
});
