import { describe, expect, it } from 'vitest';
import { parseRequirement, pinOf, withVersions } from './requirement.ts';

const direct = (text: string, folder = ''): unknown => {
  const { name, direct: found } = parseRequirement(text, 'x', [], folder);
  return { name, ...found?.source, extras: found?.extras, marker: found?.marker };
};
const plain = { extras: '', marker: '' };

describe('a requirement that no index has', () => {
  it.each([
    ['-e .', { ...plain, name: '', kind: 'project', path: '' }],
    ['-e .[train,gpu]', { ...plain, name: '', kind: 'project', path: '', extras: '[train,gpu]' }],
    ['./libs/foo', { ...plain, name: '', kind: 'project', path: 'libs/foo' }],
    ['file:libs/foo', { ...plain, name: '', kind: 'project', path: 'libs/foo' }],
    [
      'foo @ file:./libs/foo ; python_version < "3.12"',
      { ...plain, name: 'foo', kind: 'project', path: 'libs/foo', marker: '; python_version < "3.12"' },
    ],
    [
      'wheels/My_Pkg-1.0-py3-none-any.whl',
      { ...plain, name: 'my-pkg', kind: 'file', path: 'wheels/My_Pkg-1.0-py3-none-any.whl' },
    ],
    [
      'git+https://example.org/team/lib.git@v1#egg=Lib[x]&subdirectory=py',
      {
        name: 'lib',
        kind: 'git',
        url: 'https://example.org/team/lib.git',
        ref: 'v1',
        folder: 'py',
        extras: '[x]',
        marker: '',
      },
    ],
    [
      'lib[x] @ https://example.org/lib-1.tar.gz#sha256=' + 'a'.repeat(64),
      {
        name: 'lib',
        kind: 'url',
        url: 'https://example.org/lib-1.tar.gz',
        folder: '',
        sha256: 'a'.repeat(64),
        extras: '[x]',
        marker: '',
      },
    ],
  ])('%s is read', (text, expected) => {
    expect(direct(text)).toEqual(expected);
  });

  it('is called by the last part of a URL, however that is written', () => {
    expect(direct('https://example.org/..%2F..%2Fx-1-py3-none-any.whl')).toMatchObject({ name: 'x' });
  });

  it('is refused without telling the password in it', () => {
    const refusing = (): unknown => parseRequirement('x @ hg+https://me:hush@sh@example.org/x', 'x');
    expect(refusing).toThrow('hg+https://example.org/x');
  });

  it('begins where its file lies', () => {
    expect(direct('-e ..', 'binder')).toMatchObject({ kind: 'project', path: '' });
  });

  it.each([
    '-e ..',
    './../x',
    '/srv/x',
    '~/x',
    'git+ssh://git@example.org/x.git',
    'git+file:///srv/x',
    'hg+https://example.org/x',
    'x @ ${WHERE}',
    'x @ https://example.org/page.html',
    'x @ ftp://example.org/x.whl',
    'https://example.org/%zz.whl',
    './x ; python_version > "3"\n--extra-index-url https://other.example.org/simple',
    'x\r>=1',
  ])('%s is refused', (text) => {
    expect(() => parseRequirement(text, 'requirements.txt line 1')).toThrow(
      expect.objectContaining({
        code: 'REQUIREMENTS_INVALID',
        details: expect.objectContaining({ from: 'requirements.txt line 1' }) as unknown,
      }) as Error,
    );
  });
});

describe('a pin', () => {
  it.each([
    ['numpy==1.15.0', '1.15.0'],
    ['numpy (==1.15.0)', '1.15.0'],
    ['numpy[x]==1.0 ; python_version < "3.9"', '1.0'],
    ['numpy>=1', undefined],
    ['numpy==1.15.*', undefined],
    ['numpy==1.15,!=1.16', undefined],
    ['./numpy', undefined],
  ])('of %s is %s', (line, version) => {
    expect(pinOf(parseRequirement(line, 'x'))).toBe(version);
  });

  it('is replaced and nothing else of the line', () => {
    const requirement = parseRequirement('numpy[x]==1.0; python_version < "3.9"', 'x', ['a'.repeat(64)]);
    expect(withVersions(requirement, '>=1.2')).toMatchObject({
      line: 'numpy[x]>=1.2 ; python_version < "3.9"',
      hashes: [],
    });
  });
});
