import { mkdir, mkdtemp, realpath, rm, symlink, writeFile } from 'node:fs/promises';
import { execFileSync } from 'node:child_process';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { describeSource, type SourceArgument, type SourceOptions } from './source-argument.ts';

let cwd: string;
beforeAll(async () => {
  cwd = await realpath(await mkdtemp(join(tmpdir(), 'galley-argument-')));
  await mkdir(join(cwd, 'work/models/flight'), { recursive: true });
  execFileSync('git', ['init', '-q', 'work'], { cwd });
  execFileSync('git', ['init', '-q', '--bare', 'bare.git'], { cwd });
  await mkdir(join(cwd, 'plain'));
  await writeFile(join(cwd, 'plain/galley.yaml'), 'name: from-the-file\n');
});
afterAll(() => rm(cwd, { recursive: true, force: true }));

const describeIt = (argument: string, rest: Partial<SourceOptions> = {}): Promise<SourceArgument> =>
  describeSource(argument, { cwd, include: [], name: undefined, subdir: undefined, ...rest });
const git = { kind: 'git', ref: '', contextDir: '', submodules: true, local: false };

describe('what is typed as a source', () => {
  it.each([
    [
      'https://example.org/team/My_Model.git',
      { ...git, name: 'my-model', url: 'https://example.org/team/My_Model.git' },
    ],
    ['https://example.org/team/model.git#v1.2', { ...git, name: 'model', ref: 'v1.2' }],
    [
      'git@example.org:team/model.git#pull/7',
      { ...git, name: 'model', url: 'git@example.org:team/model.git', ref: 'pull/7' },
    ],
    ['example.org:model', { ...git, name: 'model', url: 'example.org:model' }],
    [
      'git+https://example.org/team/model@v1',
      { ...git, name: 'model', url: 'https://example.org/team/model', ref: 'v1' },
    ],
    ['file:///srv/model.git', { ...git, name: 'model', local: true }],
    [
      'https://example.org/v1.2.tar.gz',
      { kind: 'url', name: 'v1-2', url: 'https://example.org/v1.2.tar.gz', digest: undefined },
    ],
    [
      `http://example.org/a.zip#sha256=${'A'.repeat(64)}`,
      { kind: 'url', name: 'a', url: 'http://example.org/a.zip', digest: `sha256:${'a'.repeat(64)}` },
    ],
    ['plain', { kind: 'directory', name: 'from-the-file' }],
    [`https://example.org/${'a'.repeat(62)}-model`, { ...git, name: 'a'.repeat(62) }],
  ])('%s is understood', async (argument, expected) => {
    expect(await describeIt(argument)).toMatchObject(expected);
  });

  it('is a commit of the repository around a folder when a ref is given, and a bare repository always is', async () => {
    const url = join(cwd, 'work');
    const flight = await describeIt('work/models/flight', { ref: 'v1' });
    expect(flight).toEqual({
      ...git,
      name: 'flight',
      url,
      ref: 'v1',
      contextDir: 'models/flight',
      local: true,
    });
    expect(await describeIt('work', { ref: 'v1', subdir: 'models' })).toMatchObject({
      url,
      contextDir: 'models',
    });
    expect(await describeIt('bare.git')).toMatchObject({
      kind: 'git',
      name: 'bare',
      url: join(cwd, 'bare.git'),
      local: true,
    });
    expect(await describeIt('work')).toMatchObject({ kind: 'directory' });
  });

  it('is a saved model alone, also behind a link, as long as the name there says what it is', async () => {
    // What an empty pickle begins with.
    for (const name of ['real.pkl', 'blob']) await writeFile(join(cwd, 'plain', name), '\x80\x04', 'latin1');
    await symlink('plain/real.pkl', join(cwd, 'best.joblib'));
    await symlink('plain/blob', join(cwd, 'cached.joblib'));
    const found = await describeIt('best.joblib');
    expect(found).toMatchObject({ kind: 'directory', name: 'best', path: join(cwd, 'plain') });
    expect(found).toHaveProperty('only', expect.arrayContaining(['real.pkl']));
    await expect(describeIt('cached.joblib')).rejects.toMatchObject({ code: 'USAGE' });
  });

  it('is an archive of this machine by its name', async () => {
    const archive = await describeIt('model-1.0.tar.gz', { subdir: 'a' });
    expect(archive).toEqual({
      kind: 'file',
      name: 'model-1-0',
      path: join(cwd, 'model-1.0.tar.gz'),
      contextDir: 'a',
    });
  });

  it.each([
    ['nowhere', {}, 'USAGE'],
    ['plain', { ref: 'v1' }, 'USAGE'],
    ['https://example.org/a.git#v1', { ref: 'v2' }, 'USAGE'],
    ['https://example.org/a.git', { include: ['*.csv'] }, 'USAGE'],
    ['https://example.org/a.zip', { ref: 'v2' }, 'USAGE'],
    ['https://example.org/a.zip#main', {}, 'USAGE'],
    ['https://u:hush@example.org/a.git', {}, 'SOURCE_REFUSED'],
    ['https://u:hush@example.org/a.zip', {}, 'SOURCE_REFUSED'],
    ['ext::sh -c true', {}, 'SOURCE_REFUSED'],
  ])('%s with %j is refused', async (argument, rest, code) => {
    await expect(describeIt(argument, rest)).rejects.toMatchObject({ code });
    const error: unknown = await describeIt(argument, rest).catch((caught: unknown) => caught);
    expect(JSON.stringify(error) + String(error)).not.toContain('hush');
  });
});
