import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { deflateSync } from 'node:zlib';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { notebookText, treeOfFiles } from '../../source/tree-of-files.ts';
import { makeRecipe, type Recipe } from '../recipe.ts';

const fixtures = fileURLToPath(new URL('../../../../../tests/fixtures/models/', import.meta.url));
const fixture = (name: string): Promise<Buffer> => readFile(join(fixtures, name));

let root: string;
beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'galley-model-'));
});
afterEach(async () => {
  await rm(root, { recursive: true, force: true });
});

async function recipeOf(files: Readonly<Record<string, string | Buffer>>): Promise<Recipe> {
  return makeRecipe(await treeOfFiles(files, root), {
    notebooks: [],
    python: '',
    supportedPythons: ['3.11'],
  });
}

const lines = (recipe: Recipe): readonly string[] => recipe.requirements.requirements.map(({ line }) => line);
/** `module.name` as protocol 0 writes it, called with a text, and the end. */
const callOf = (module: string, name: string, text: string): Buffer =>
  Buffer.from(`c${module}\n${name}\n(V${text}\ntR.`);

describe('a saved model', () => {
  it('is what is served where there is no notebook and no script that binds predictor', async () => {
    const files = { 'iris.joblib': await fixture('iris.joblib') };
    const alone = await recipeOf(files);
    expect([alone.model?.format, alone.notebooksFrom]).toEqual(['pickle', 'the only saved model']);
    expect((await recipeOf({ ...files, 'a.ipynb': notebookText('1') })).model).toBeUndefined();
    expect((await recipeOf({ ...files, 'a.py': 'predictor = len' })).model).toBeUndefined();
  });

  it('is served beside a notebook where galley.yaml says so', async () => {
    const files = { 'iris.joblib': await fixture('iris.joblib'), 'a.ipynb': notebookText('1') };
    const asked = await recipeOf({ ...files, 'galley.yaml': 'build: {strategy: model}' });
    expect(asked.model?.path).toBe('iris.joblib');
    const several = { ...files, 'old/iris.joblib': files['iris.joblib'] };
    const named = await recipeOf({ ...several, 'galley.yaml': 'build: {model: old/iris.joblib}' });
    expect(named.model?.path).toBe('old/iris.joblib');
  });

  it.each([
    ['AMBIGUOUS_MODEL', { 'a.joblib': 'x', 'b.joblib': 'y' }],
    ['MODEL_FILE_INVALID', { 'a.joblib': '<!DOCTYPE html>' }],
    ['MODEL_FILE_INVALID', { 'a.onnx': 'version https' }],
    ['MODEL_FILE_INVALID', { 'a.h5': 'x', 'galley.yaml': 'build: {model: a.h5}' }],
    ['MODEL_FILE_INVALID', { 'galley.yaml': 'build: {model: a.joblib}' }],
    ['RECIPE_CONFLICT', { 'a.joblib': 'x', 'galley.yaml': 'build: {model: a.joblib, notebooks: [b.ipynb]}' }],
    ['NO_NOTEBOOK', { 'notes.txt': 'tree\nof life', 'data.json': '{"learner": 1}' }],
    ['NO_NOTEBOOK', { 'a.joblib': 'x', 'galley.yaml': 'build: {strategy: notebook}' }],
    ['NO_NOTEBOOK', { 'galley.yaml': 'build: {strategy: model}' }],
  ])('%s: %j', async (code, files) => {
    await expect(recipeOf(files)).rejects.toMatchObject({ code });
  });
});

describe('what a saved model needs', () => {
  it.each([
    ['iris.joblib', ['joblib', 'numpy', 'pandas', 'scikit-learn==1.9.1']],
    ['array.joblib', ['joblib', 'numpy', 'scikit-learn==1.9.1']],
    ['text.pkl', ['numpy', 'scikit-learn==1.9.1']],
    ['iris.onnx', ['numpy', 'onnxruntime']],
    ['iris.ubj', ['numpy', 'scikit-learn', 'xgboost-cpu']],
    ['iris.txt', ['lightgbm', 'numpy']],
  ])('%s: %j', async (name, expected) => {
    const recipe = await recipeOf({ [name]: await fixture(name) });
    expect([recipe.requirements.guessed, [...lines(recipe)].sort()]).toEqual([true, expected]);
  });

  it('is what is declared beside it', async () => {
    const recipe = await recipeOf({
      'iris.joblib': await fixture('iris.joblib'),
      'requirements.txt': 'scikit-learn==1.5.2\n',
    });
    expect([recipe.requirements.guessed, lines(recipe)]).toEqual([false, ['scikit-learn==1.5.2']]);
  });

  it('follows a module of the repository to what that imports', async () => {
    const recipe = await recipeOf({ 'm.pkl': callOf('own', 'Model', 'x'), 'own.py': 'import polars' });
    expect(lines(recipe)).toEqual(['polars']);
  });

  it('is NumPy 1 where NumPy 1 wrote it', async () => {
    const recipe = await recipeOf({ 'm.pkl': callOf('numpy.core.multiarray', '_reconstruct', 'x') });
    expect(lines(recipe)).toEqual(['numpy<2']);
  });

  it('is asked for where the file cannot say it, and only then', async () => {
    const files = { 'm.joblib': Buffer.from('04224d18000000', 'hex') };
    await expect(recipeOf(files)).rejects.toMatchObject({ code: 'MODEL_REQUIREMENTS_UNKNOWN' });
    const told = await recipeOf({ ...files, 'requirements.txt': 'lz4\n' });
    expect(lines(told)).toEqual(['lz4']);
  });
});

describe('a hostile or broken file', () => {
  it('runs nothing while it is read', async () => {
    const mark = join(root, 'it-ran');
    const recipe = await recipeOf({ 'm.pkl': callOf('posix', 'system', `touch ${mark}`) });
    expect(lines(recipe)).toEqual([]);
    await expect(readFile(mark)).rejects.toMatchObject({ code: 'ENOENT' });
  });

  it.each([
    ['is cut short', async () => (await fixture('iris.joblib')).subarray(0, 900), /ends at byte 900/],
    ['holds no instruction of a pickle', () => Buffer.from('8004ff', 'hex'), /byte 2/],
    ['takes what it never gave', () => Buffer.from('80045293', 'hex'), /never gave/],
    ['names no module', () => Buffer.from('cos; x\nsystem\n.'), /names a module/],
    // Protocol 4: two short texts and STACK_GLOBAL.
    [
      'names a module with a line break',
      () => Buffer.from('\x80\x04\x8c\x03os\n\x8c\x01x\x93.', 'latin1'),
      /names a module/,
    ],
    ['has a class of a notebook', () => callOf('__main__', 'Mine', 'x'), /Mine.*defined in a notebook/],
    [
      'is compressed, and broken',
      () => deflateSync(Buffer.from('8004', 'hex')).subarray(0, 5),
      /ends at byte/,
    ],
  ])('%s', async (_, make, message) => {
    const error = await recipeOf({ 'm.pkl': await make() }).catch((thrown: unknown) => thrown);
    expect(error).toMatchObject({ code: 'MODEL_FILE_INVALID', message: expect.stringMatching(message) });
  });

  it.each([
    // A text of 2^62 bytes, an array whose shape is as large, 10 MB of marks from 10 kB, numbers of a registry.
    ['a length beyond the file', Buffer.from('80048dffffffffffffff3f', 'hex'), 'MODEL_FILE_INVALID'],
    [
      'a stack without end, well compressed',
      deflateSync(Buffer.concat([Buffer.from('8004', 'hex'), Buffer.alloc(10_000_000, '(')])),
      'MODEL_REQUIREMENTS_UNKNOWN',
    ],
    ['classes by number', Buffer.from('800482012e', 'hex'), 'MODEL_REQUIREMENTS_UNKNOWN'],
  ])('%s is refused', async (_, content, code) => {
    await expect(recipeOf({ 'm.pkl': content })).rejects.toMatchObject({ code });
  });
});
