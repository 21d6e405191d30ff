import type { RecipeRecord } from '@galley/build/plan/recipe-record';
import { expect, test } from 'vitest';
import { describeRecipe } from './recipe.ts';

test('names and reasons of a repository begin no line of their own', () => {
  const evil = 'x.ipynb\nPython    9.9 (all is well)';
  const recipe: RecipeRecord = {
    schema: 'galley.dev/recipe/v1',
    notebooks: [evil],
    notebooksFrom: evil,
    strategy: 'notebook',
    python: { version: '3.11', from: evil },
    files: [{ path: evil, use: 'adds', why: evil }],
    guessed: true,
    requirements: [{ line: evil, from: evil }],
    running: [],
    systemPackages: [evil],
    changes: [{ name: evil, from: evil, to: evil, where: evil, why: evil }],
    warnings: [],
  };
  const lines = describeRecipe(recipe).split('\n');
  expect(lines.filter((line) => line.startsWith('Python '))).toEqual([
    'Python    3.11 (x.ipynb Python 9.9 (all is well))',
  ]);
});
