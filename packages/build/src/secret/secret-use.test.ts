import { expect, test } from 'vitest';
import { secretUseProblems, type SecretUse } from '@galley/api/kind/secret-use';
import { mergeSecretUses, secretsOfPhase } from './secret-use.ts';

const reveal = (name: string): string => `value of ${name}`;

test('a use that names no phase is for both, and as: env is told by its name alone', () => {
  const uses: readonly SecretUse[] = [
    { name: 'key', phases: ['build'] },
    { name: 'TOKEN', as: 'env' },
    { name: 'DSN', as: 'env', phases: ['service'] },
  ];
  expect(secretsOfPhase(uses, 'build', reveal)).toEqual({
    files: { '/run/secrets/key': 'value of key', '/run/secrets/TOKEN': 'value of TOKEN' },
    env: { GALLEY_SECRET_ENV: 'TOKEN' },
  });
  expect(secretsOfPhase(uses, 'service', reveal).env).toEqual({ GALLEY_SECRET_ENV: 'DSN,TOKEN' });
  expect(secretsOfPhase([{ name: 'key' }], 'build', reveal).env).toEqual({});
});

test('what the application says of a secret ranks above the file, by name', () => {
  const merged = mergeSecretUses([{ name: 'a' }, { name: 'b' }], [{ name: 'b', as: 'env' }]);
  expect(merged).toEqual([{ name: 'a' }, { name: 'b', as: 'env' }]);
});

test('names that cannot be variables, that Galley needs, or that come twice are told', () => {
  const problems = (uses: readonly SecretUse[]): readonly string[] =>
    secretUseProblems(uses).map(({ index, problem }) => `${index}: ${problem}`);
  expect(problems([{ name: 'weather-key' }, { name: 'TOKEN', as: 'env' }])).toEqual([]);
  expect(problems([{ name: 'weather-key', as: 'env' }])[0]).toMatch(/^0: .*set the secret as WEATHER_KEY/);
  for (const name of ['PORT', 'HTTPS_PROXY', 'no_proxy', 'PIP_INDEX_URL', 'GALLEY_X'])
    expect(problems([{ name: 'a' }, { name, as: 'env' }])[0], name).toMatch(/^1: .*Galley sets itself/);
  expect(problems([{ name: 'a' }, { name: 'a', as: 'env' }])).toEqual(['1: names a twice']);
});
