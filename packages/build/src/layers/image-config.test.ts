import { expect, test } from 'vitest';
import { imageConfig } from './image-config.ts';

test('a variable of the repository takes the place of one of ours, and stands there once', () => {
  const digest = `sha256:${'a'.repeat(64)}` as const;
  const { Env = [] } = imageConfig('service', {
    source: digest,
    lock: digest,
    base: digest,
    reproducible: true,
    commit: undefined,
    environment: { RATE: '0.5', MPLBACKEND: 'svg' },
  });
  expect(Env.filter((line) => line.startsWith('MPLBACKEND='))).toEqual(['MPLBACKEND=svg']);
  expect(Env.at(-1)).toBe('RATE=0.5');
});
