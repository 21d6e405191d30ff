import { describe, expect, it } from 'vitest';
import { chooseConfiguration, type FileUse } from './configuration.ts';

const choose = (...paths: readonly string[]): ReturnType<typeof chooseConfiguration> =>
  chooseConfiguration(new Set(paths));
const use = (files: readonly FileUse[], path: string): string | undefined =>
  files.find((file) => file.path === path)?.use;

describe('which files describe the environment', () => {
  it.each([
    ['pylock.toml', ['pylock.toml', 'environment.yml', 'uv.lock', 'requirements.txt']],
    ['environment.yml', ['environment.yml', 'Pipfile', 'requirements.txt']],
    ['Pipfile.lock', ['Pipfile', 'Pipfile.lock', 'requirements.txt']],
    ['uv.lock', ['uv.lock', 'poetry.lock', 'pyproject.toml', 'requirements.txt']],
    ['poetry.lock', ['poetry.lock', 'pyproject.toml', 'requirements.txt']],
  ])('is decided by %s, and says so of the others', (path, paths) => {
    const { environment, files } = choose(...paths);
    expect(environment?.path).toBe(path);
    expect(use(files, path)).toBe('decides');
    expect(files.find((file) => file.path === paths.at(-1))).toEqual({
      path: paths.at(-1),
      use: 'passed over',
      why: `${path} decides`,
    });
  });

  it('hears the project beside requirements.txt, as pip install -r and pip install . do', () => {
    const { project, files } = choose('requirements.txt', 'pyproject.toml', 'setup.py');
    expect(project).toBe('pyproject.toml');
    expect(files.map(({ path, use: how }) => `${path} ${how}`)).toEqual([
      'requirements.txt decides',
      'pyproject.toml adds',
      'setup.py adds',
    ]);
  });

  it.each(['environment.yml', 'Pipfile', 'pylock.toml'])('leaves the project to %s', (path) => {
    const { project, files } = choose(path, 'setup.py');
    expect([project, use(files, 'setup.py')]).toEqual([undefined, 'passed over']);
  });

  it('hears nothing at the root when there is a folder for it', () => {
    const { folder, environment, project, files } = choose(
      'binder/environment.yml',
      'requirements.txt',
      'uv.lock',
      'pyproject.toml',
      'postBuild',
      'runtime.txt',
    );
    expect([folder, environment?.path, project]).toEqual(['binder', 'binder/environment.yml', undefined]);
    for (const path of ['requirements.txt', 'uv.lock', 'pyproject.toml', 'postBuild', 'runtime.txt'])
      expect(use(files, path)).toBe('passed over');
  });

  it('hears apt.txt and postBuild whatever describes the environment', () => {
    const { files } = choose('environment.yml', 'apt.txt', 'postBuild');
    expect([use(files, 'apt.txt'), use(files, 'postBuild')]).toEqual(['adds', 'adds']);
  });

  it('names a Dockerfile that it does not follow', () => {
    expect(use(choose('Dockerfile', 'requirements.txt').files, 'Dockerfile')).toBe('passed over');
  });

  it.each([
    ['RECIPE_CONFLICT', { files: ['binder', '.binder'] }, ['binder/requirements.txt', '.binder/apt.txt']],
    ['RECIPE_UNSUPPORTED', { file: 'start' }, ['start', 'requirements.txt']],
    ['RECIPE_UNSUPPORTED', { file: '.binder/start' }, ['.binder/start']],
    ['RECIPE_UNSUPPORTED', { file: 'binder/Dockerfile' }, ['binder/Dockerfile', 'requirements.txt']],
  ])('says %s %j', (code, details, paths) => {
    expect(() => choose(...paths)).toThrow(expect.objectContaining({ code, details }) as Error);
  });
});
