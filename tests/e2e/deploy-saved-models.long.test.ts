import { copyFile, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { galley, type Session } from '../cli/galley.ts';

/**
 * Saved models as a user deploys them, with their packages from the index: each is built from the file alone, answers by every protocol, and
 * answers again after the server was stopped and started. One home, in the order of the tests.
 */
const models = fileURLToPath(new URL('../fixtures/models', import.meta.url));
const flower = { sepal_length: 5.1, sepal_width: 3.5, petal_length: 1.4, petal_width: 0.2 };
const row = Object.values(flower);

let home: string;
const run = (...args: string[]): Promise<Session> => galley(args, { home });

beforeAll(async () => {
  home = await mkdtemp(join(tmpdir(), 'galley-saved-'));
});
afterAll(async () => {
  await run('server', 'stop');
  await rm(home, { recursive: true, force: true });
});

async function post(name: string, path: string, body: unknown): Promise<unknown> {
  const { stdout } = await run('open', name, '-o', 'name');
  const response = await fetch(`${stdout.trim()}${path}`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(body),
  });
  return response.json();
}

const predictions = async (name: string, rows: unknown): Promise<unknown> =>
  (
    JSON.parse((await run('predict', name, '--json', JSON.stringify(rows), '-o', 'json')).stdout) as {
      predictions: unknown;
    }
  ).predictions;

test('a forest of joblib is served from its file alone', { timeout: 900_000 }, async () => {
  const plan = await run('build', join(models, 'iris.joblib'), '--plan');
  expect(plan.stdout).toMatch(/Model +iris\.joblib[\s\S]*guessed[\s\S]*scikit-learn==1\.9\.1/);
  const session = await run('deploy', join(models, 'iris.joblib'));
  expect(session.exitCode, session.stderr).toBe(0);
  expect(await predictions('iris', [flower])).toEqual([0]);
  expect(
    (await run('predict', 'iris', '--json', JSON.stringify([{ ...flower, petal_width: 'x' }]))).stderr,
  ).toMatch(/PREDICTION_REFUSED[\s\S]*petal_width/);
  expect((await run('monitor', 'iris')).stdout).toMatch(/no reference to compare with/);
});

test('it answers MLflow, V1 and V2 as any model does', { timeout: 120_000 }, async () => {
  expect(await post('iris', '/invocations', { dataframe_records: [flower] })).toEqual({ predictions: [0] });
  expect(await post('iris', '/v1/models/iris:predict', { instances: [row] })).toEqual({ predictions: [0] });
  const input = { name: 'x', shape: [1, 4], datatype: 'FP64', data: row };
  expect(await post('iris', '/v2/models/iris/infer', { inputs: [input] })).toMatchObject({
    model_name: 'iris',
    outputs: [{ data: [0] }],
  });
});

test.each([
  ['iris.onnx', 'flowers', 0],
  ['iris.ubj', 'boosted', 0],
  ['array.joblib', 'array', 0],
])('%s is served from its file alone', { timeout: 900_000 }, async (file, name, expected) => {
  const session = await run('deploy', join(models, file), '--name', name);
  expect(session.exitCode, session.stderr).toBe(0);
  expect(await predictions(name, [row])).toEqual([expected]);
});

test('LightGBM answers with a probability a class', { timeout: 900_000 }, async () => {
  expect((await run('deploy', join(models, 'iris.txt'), '--name', 'light')).exitCode).toBe(0);
  const [first] = (await predictions('light', [row])) as [number[]];
  expect(first).toHaveLength(3);
  expect(Math.max(...first)).toBe(first[0]);
});

test(
  'a folder with a pipeline of texts takes its reference from beside it',
  { timeout: 900_000 },
  async () => {
    const folder = await mkdtemp(join(home, 'texts-'));
    await copyFile(join(models, 'text.pkl'), join(folder, 'text.pkl'));
    await writeFile(join(folder, 'reference.jsonl'), '"a good day"\n"a bad day"\n'.repeat(20));
    const session = await run('deploy', folder, '--name', 'texts');
    expect(session.exitCode, session.stderr).toBe(0);
    expect(await predictions('texts', ['good', 'bad'])).toEqual(['glad', 'sad']);
    const monitor = JSON.parse((await run('monitor', 'texts', '-o', 'json')).stdout) as object;
    expect(monitor).toMatchObject({ origin: 'held-out', referenceRequests: 40 });
  },
);

test('all of them answer again after the server was stopped and started', { timeout: 300_000 }, async () => {
  expect((await run('server', 'stop')).exitCode).toBe(0);
  expect((await run('server', 'start')).exitCode).toBe(0);
  await expect
    .poll(() => predictions('texts', ['good']).catch(() => undefined), { timeout: 200_000, interval: 1000 })
    .toEqual(['glad']);
  for (const name of ['flowers', 'boosted', 'array'])
    await expect
      .poll(() => predictions(name, [row]).catch(() => undefined), { timeout: 200_000, interval: 1000 })
      .toEqual([0]);
});
