import { expect, test } from 'vitest';
import { planRepo2docker } from './repo2docker-flags.ts';

test('without flags the repository is built and opened in JupyterLab', () => {
  expect(
    planRepo2docker({
      args: ['https://example.org/x.git'],
      options: { ref: 'v1', subdir: 'a b', run: true },
    }),
  ).toEqual({
    what: 'lab',
    input: { args: ['https://example.org/x.git'], options: { ref: 'v1', subdir: 'a b' } },
  });
});

test('--no-run builds, names and pushes; --no-build only says what would be built', () => {
  expect(
    planRepo2docker({
      args: ['.'],
      options: { run: false, imageName: 'r.example/x:1', push: true, debug: true },
    }),
  ).toEqual({
    what: 'build',
    input: { args: ['.'], options: { workbench: true, tag: 'r.example/x:1', push: 'r.example/x:1' } },
  });
  expect(
    planRepo2docker({ args: ['.'], options: { editable: true, port: '8888', imageName: 'team/lab:v1' } }),
  ).toEqual({
    what: 'lab',
    input: { args: ['.'], options: { editable: true, port: '8888', tag: 'team/lab:v1' } },
  });
  expect(planRepo2docker({ args: [], options: { build: false } })).toEqual({
    what: 'plan',
    input: { args: ['.'], options: { plan: true, workbench: true } },
  });
});

test.each([
  [{ volume: ['a:b'] }, /--volume of repo2docker/],
  [{ publish: ['8888:8888'] }, /--publish/],
  [{ env: ['A=1'] }, /--env/],
  [{ buildMemoryLimit: '4G' }, /--build-memory-limit/],
  [{ imageName: 'x', push: true }, /goes with --no-run/],
  [{ run: false, push: true }, /needs --image-name/],
])('what is not here is refused by name, with what to do instead: %j', (options, message) => {
  expect(() => planRepo2docker({ args: ['.'], options })).toThrow(message);
});

test('a command of its own is refused', () => {
  expect(() => planRepo2docker({ args: ['.', 'jupyter', 'lab'], options: {} })).toThrow(/"jupyter lab"/);
});
