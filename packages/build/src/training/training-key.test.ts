import { expect, test } from 'vitest';
import { trainingKey, type TrainingInputs } from './training-key.ts';

const inputs: TrainingInputs = {
  project: 'default',
  source: `sha256:${'1'.repeat(64)}`,
  lock: `sha256:${'2'.repeat(64)}`,
  python: '3.11',
  notebooks: ['a.ipynb'],
  setUp: [],
  secretPaths: [],
};

test('projects share a training of the same source, unless a secret of one of them was in it', () => {
  const key = trainingKey(inputs);
  expect(trainingKey({ ...inputs, project: 'guests' })).toBe(key);
  const withSecret = { ...inputs, secretPaths: ['/run/secrets/token'] };
  expect(trainingKey(withSecret)).not.toBe(key);
  expect(trainingKey({ ...withSecret, project: 'guests' })).not.toBe(trainingKey(withSecret));
});
