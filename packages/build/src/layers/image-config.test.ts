import { expect, test } from 'vitest';
import { imageConfig } from './image-config.ts';

const digest = `sha256:${'a'.repeat(64)}` as const;
const facts = { source: digest, lock: digest, base: digest, reproducible: true, commit: undefined };

test('a workbench starts JupyterLab at its usual port and lets the kernel choose how it draws', () => {
  const { Cmd, Env = [], ExposedPorts } = imageConfig('workbench', facts);
  expect(Cmd).toEqual(['lab']);
  expect(Object.keys(ExposedPorts ?? {})).toEqual(['8888/tcp']);
  expect(Env).toContain('PORT=8888');
  expect(Env.some((line) => line.startsWith('MPLBACKEND='))).toBe(false);
});

test('a variable of the repository takes the place of one of ours, and stands there once', () => {
  const { Env = [] } = imageConfig('service', {
    ...facts,
    environment: { RATE: '0.5', MPLBACKEND: 'svg' },
  });
  expect(Env.filter((line) => line.startsWith('MPLBACKEND='))).toEqual(['MPLBACKEND=svg']);
  expect(Env.at(-1)).toBe('RATE=0.5');
});
