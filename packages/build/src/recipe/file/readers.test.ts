import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { manyAliases, treeOfFiles } from '../../source/tree-of-files.ts';
import type { SourceTree } from '../../source/source-tree.ts';
import { nothingDeclared } from '../declared.ts';
import { readProject } from '../project.ts';
import { readAptTxt } from './apt-txt.ts';
import { condaName } from './conda-names.ts';
import { condaVersions, readEnvironmentYml } from './environment-yml.ts';
import { readPipfile } from './pipfile.ts';
import { pep440 } from './poetry-dependencies.ts';
import { readPoetryLock } from './poetry-lock.ts';
import { plainMarker, readPylock } from './pylock-toml.ts';
import { readToml } from './pyproject.ts';
import { readRequirementsTxt } from './requirements-txt.ts';
import { readUvLock } from './uv-lock.ts';

let spool: string;
beforeEach(async () => {
  spool = await mkdtemp(join(tmpdir(), 'galley-readers-'));
});
afterEach(async () => {
  await rm(spool, { recursive: true, force: true });
});

type Files = Readonly<Record<string, string>>;
const tree = (files: Files): Promise<SourceTree> => treeOfFiles(files, spool);
const refusal = (code: string, details: object): object =>
  expect.objectContaining({ code, details: expect.objectContaining(details) as unknown }) as object;

describe('versions in other tools’ words', () => {
  it.each([
    ['^1.2.3', '>=1.2.3,<2.0'],
    ['^0.2.3', '>=0.2.3,<0.3'],
    ['^0.0.3', '>=0.0.3,<0.0.4'],
    ['^0', '>=0,<1.0'],
    ['~1.2.3', '>=1.2.3,<1.3'],
    ['~1', '>=1,<2.0'],
    ['1.2.*', '==1.2.*'],
    ['1.2', '==1.2'],
    ['>=1, !=1.5', '>=1,!=1.5'],
    ['*', ''],
  ])('poetry: %s is %s', (text, expected) => {
    expect(pep440(text, 'x')).toBe(expected);
  });

  it.each([
    ['=1.2', '==1.2.*'],
    ['=1.2=py311_0', '==1.2'],
    ['==1.2', '==1.2'],
    ['1.2.*', '==1.2.*'],
    ['=1.2.*', '==1.2.*'],
    ['1.2 py311_0', '==1.2'],
    ['>=1.2,<2', '>=1.2,<2'],
    ['>= 1.2', '>=1.2'],
    ['', ''],
  ])('conda: %s is %s', (text, expected) => {
    expect(condaVersions(text, 'x')).toBe(expected);
  });

  it.each([() => pep440('^1 || ^2', 'x'), () => condaVersions('>=1.8|1.7', 'x')])(
    'alternatives are refused',
    (read) => {
      expect(read).toThrow(refusal('REQUIREMENTS_INVALID', { from: 'x' }));
    },
  );
});

describe('environment.yml', () => {
  it('maps names that are known to be the same software', () => {
    expect(['PyTorch', 'matplotlib-base', 'pytables', 'numpy'].map(condaName)).toEqual(
      ['torch', 'matplotlib', 'tables', 'numpy'].map((name) => ({ kind: 'distribution', name })),
    );
    expect(['mkl', 'libstdcxx-ng', 'ld_impl_linux-64'].map((name) => condaName(name).kind)).toEqual(
      Array.from({ length: 3 }, () => 'included'),
    );
  });

  it.each([
    ['team-internal-tool', /not known to be the same/],
    ['r-ggplot2', /R has no base/],
    ['nodejs', /apt\.txt/],
  ])('refuses %s by name', async (name, why) => {
    const files = await tree({ 'environment.yml': `dependencies: [numpy, ${name}=1]` });
    const error: unknown = await readEnvironmentYml(files, 'environment.yml').catch(
      (caught: unknown) => caught,
    );
    expect(error).toMatchObject({ code: 'CONDA_PACKAGE_UNKNOWN', details: { package: name } });
    expect(String(error)).toMatch(why);
  });

  it('reads a range of Python as one', async () => {
    const files = await tree({ 'environment.yml': 'dependencies: ["python>=3.9,<3.12"]' });
    expect((await readEnvironmentYml(files, 'environment.yml')).python).toEqual({
      range: '>=3.9,<3.12',
      from: 'environment.yml',
    });
  });

  it.each(['- just a list', 'dependencies: [', '', manyAliases])('says that %j is none', async (text) => {
    const reading = readEnvironmentYml(await tree({ 'environment.yml': text }), 'environment.yml');
    await expect(reading).rejects.toMatchObject({ code: 'REQUIREMENTS_INVALID' });
  });
});

describe('requirements.txt', () => {
  it('names indexes without their credentials, and enforces --require-hashes', async () => {
    const files = await tree({
      'requirements.txt':
        '--extra-index-url https://u:secret@index.example.org/simple\n-f https://example.org/links\nidna\n',
      'hashed.txt': '--require-hashes\nidna==3.6\n',
    });
    const { indexes } = await readRequirementsTxt(files, 'requirements.txt');
    expect(indexes).toEqual([
      { url: 'https://index.example.org/simple', kind: 'index', from: 'requirements.txt line 1' },
      { url: 'https://example.org/links', kind: 'links', from: 'requirements.txt line 2' },
    ]);
    await expect(readRequirementsTxt(files, 'hashed.txt')).rejects.toMatchObject({
      details: { from: 'hashed.txt line 2' },
    });
  });
});

describe('apt.txt', () => {
  it('is names without comments, sorted', async () => {
    expect(
      await readAptTxt(await tree({ 'apt.txt': '\uFEFFlibgl1 # for opencv\r\n\ngit\ngit\n' }), 'apt.txt'),
    ).toEqual(['git', 'libgl1']);
  });

  it.each(['git=1.0', '--allow-downgrades', 'Git', '$(reboot)', 'a b'])('refuses %s', async (line) => {
    const reading = readAptTxt(await tree({ 'apt.txt': `git\n${line}\n` }), 'apt.txt');
    await expect(reading).rejects.toMatchObject({
      code: 'REQUIREMENTS_INVALID',
      details: { from: 'apt.txt line 2' },
    });
  });
});

describe('Pipfile', () => {
  const pipfile = `[[source]]
url = "https://index.example.org/simple"
verify_ssl = true
name = "team"

[packages]
idna = "==3.6"
six = {version = ">=1.15", markers = "sys_platform != 'win32'"}

[dev-packages]
iniconfig = "*"

[requires]
python_version = "3.11"
`;
  const lock = (hash: string): string =>
    JSON.stringify({
      _meta: { hash: { sha256: hash }, sources: [{ url: 'https://index.example.org/simple' }] },
      default: {},
    });
  // What pipenv itself writes for this Pipfile.
  const hash = 'b09d422c8bbe08209ceb97e4833293d31a0a0a0162c996df569cda5c93d7cdb3';

  it('knows whether the lock is of it by pipenv’s own hash', async () => {
    const fresh = await readPipfile(
      await tree({ Pipfile: pipfile, 'Pipfile.lock': lock(hash) }),
      'Pipfile.lock',
    );
    expect([fresh.warnings, fresh.indexes.map(({ url }) => url)]).toEqual([
      [],
      ['https://index.example.org/simple'],
    ]);
    const stale = await readPipfile(
      await tree({ Pipfile: pipfile, 'Pipfile.lock': lock('0'.repeat(64)) }),
      'Pipfile.lock',
    );
    expect(stale.warnings).toEqual([expect.stringContaining('not of the present Pipfile')]);
  });

  it('reads paths, git and extras', async () => {
    const text = `[packages]
here = {path = ".", editable = true}
lib = {git = "https://example.org/lib.git", ref = "v1", subdirectory = "py"}
requests = {extras = ["socks"], version = "*", sys_platform = "== 'linux'"}
`;
    const { requirements } = await readPipfile(await tree({ Pipfile: text }), 'Pipfile');
    expect(requirements.map(({ direct }) => direct?.source)).toEqual([
      { kind: 'project', path: '' },
      { kind: 'git', url: 'https://example.org/lib.git', ref: 'v1', folder: 'py' },
      undefined,
    ]);
    expect(requirements[2]?.line).toBe("requests[socks]; sys_platform == 'linux'");
  });
});

describe('locks that are older than what they lock', () => {
  const project =
    '[project]\nname = "x"\nversion = "1"\nrequires-python = ">=3.9"\ndependencies = ["idna", "numpy"]\n';

  it('uv.lock names the package that it lacks', async () => {
    const lock =
      'version = 1\nrequires-python = ">=3.9"\n[[package]]\nname = "x"\nversion = "1"\nsource = { virtual = "." }\n[package.metadata]\nrequires-dist = [{ name = "idna" }]\n';
    const reading = readUvLock(await tree({ 'pyproject.toml': project, 'uv.lock': lock }), 'uv.lock');
    await expect(reading).rejects.toMatchObject(
      refusal('LOCK_OUT_OF_DATE', { package: 'numpy', lock: 'uv.lock' }),
    );
  });

  it('poetry.lock names its indexes without their credentials', async () => {
    const lock =
      '[[package]]\nname = "x"\nversion = "1"\n[package.source]\ntype = "legacy"\nurl = "https://u:secret@index.example.org/simple"\n';
    const { indexes } = await readPoetryLock(await tree({ 'poetry.lock': lock }), 'poetry.lock', {
      document: undefined,
      root: undefined,
      declared: nothingDeclared,
    });
    expect(indexes.map(({ url }) => url)).toEqual(['https://index.example.org/simple']);
  });

  it('poetry.lock names the package that it lacks', async () => {
    const files = await tree({
      'pyproject.toml': project,
      'poetry.lock': '[[package]]\nname = "idna"\nversion = "3.6"\nfiles = []\n',
    });
    const root = await readProject(files, '');
    const reading = readPoetryLock(files, 'poetry.lock', {
      document: await readToml(files, 'pyproject.toml'),
      root,
      declared: nothingDeclared,
    });
    await expect(reading).rejects.toMatchObject(
      refusal('LOCK_OUT_OF_DATE', { package: 'numpy', lock: 'poetry.lock' }),
    );
  });
});

describe('pylock.toml', () => {
  it('has its questions for groups and extras answered', () => {
    expect(plainMarker("'docs' in extras or 'dev' in dependency_groups", new Set(['dev']))).toBe(
      "python_version < '3' or python_version >= '3'",
    );
    expect(plainMarker("'docs' not in extras", new Set())).toBe("python_version >= '3'");
  });

  it('reads packages of git, of an archive and of the repository', async () => {
    const sha = 'a'.repeat(64);
    const text = `lock-version = "1.0"
[[packages]]
name = "one"
[packages.vcs]
type = "git"
url = "https://example.org/one.git"
commit-id = "${'c'.repeat(40)}"
[[packages]]
name = "two"
[packages.archive]
url = "https://example.org/two-1.tar.gz"
hashes = { sha256 = "${sha}" }
[[packages]]
name = "three"
[packages.directory]
path = "."
`;
    const { requirements } = await readPylock(await tree({ 'pylock.toml': text }), 'pylock.toml');
    expect(requirements.map(({ name, direct }) => [name, direct?.source.kind])).toEqual([
      ['one', 'git'],
      ['two', 'url'],
      ['three', 'project'],
    ]);
    expect(requirements[1]?.hashes).toEqual([sha]);
  });

  it.each([
    'lock-version = "2.0"',
    'lock-version = "1.0"\n[[packages]]\nname = "x"\nversion = "1"',
    'lock-version =',
  ])('refuses %j', async (text) => {
    await expect(readPylock(await tree({ 'pylock.toml': text }), 'pylock.toml')).rejects.toMatchObject({
      code: 'REQUIREMENTS_INVALID',
    });
  });
});

describe('a project', () => {
  it.each([
    [
      'is installed with a build system',
      { 'pyproject.toml': '[project]\nname = "x"\n[build-system]\nrequires = []\n' },
      true,
    ],
    ['is not without one', { 'pyproject.toml': '[project]\nname = "x"\n' }, false],
    [
      'is when setup.py builds it',
      { 'pyproject.toml': '[project]\nname = "x"\n', 'setup.py': 'setup()' },
      true,
    ],
    [
      'is not when uv is told so',
      {
        'pyproject.toml':
          '[project]\nname = "x"\n[build-system]\nrequires = []\n[tool.uv]\npackage = false\n',
      },
      false,
    ],
    [
      'is not when poetry is told so',
      {
        'pyproject.toml': '[tool.poetry]\npackage-mode = false\n[build-system]\nrequires = ["poetry-core"]\n',
      },
      false,
    ],
  ])('%s', async (_, files: Files, installs) => {
    expect((await readProject(await tree(files), ''))?.installs).toBe(installs);
  });

  it('is none when pyproject.toml only sets up tools', async () => {
    expect(
      await readProject(await tree({ 'pyproject.toml': '[tool.black]\nline-length = 100\n' }), ''),
    ).toBeUndefined();
  });

  it('says of setup.py what its text says, and nothing of what it computes', async () => {
    const plain = await readProject(
      await tree({
        'setup.cfg':
          '[metadata]\nname = old\n[options]\npython_requires = >=3.9\ninstall_requires =\n  idna\n  six\n',
        'setup.py': 'from setuptools import setup\nsetup()',
      }),
      '',
    );
    expect([plain?.name, plain?.python?.range, plain?.dependencies?.map(({ line }) => line)]).toEqual([
      'old',
      '>=3.9',
      ['idna', 'six'],
    ]);
    const computed = await readProject(
      await tree({
        'setup.py':
          'import setuptools\nneeds = ["idna"]\nneeds.append(open("x").read())\nsetuptools.setup(name="y", install_requires=needs)',
      }),
      '',
    );
    expect([computed?.name, computed?.dependencies]).toEqual(['y', undefined]);
    const elsewhere = await readProject(
      await tree({
        'setup.cfg': '[metadata]\nname = z\n[options]\ninstall_requires = file: requirements.in\n',
        'setup.py': 'from setuptools import setup\nsetup()',
      }),
      '',
    );
    expect([elsewhere?.name, elsewhere?.dependencies]).toEqual(['z', undefined]);
  });
});
