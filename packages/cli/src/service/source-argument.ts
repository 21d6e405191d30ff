import { open, readFile, realpath, stat } from 'node:fs/promises';
import { basename, dirname, join, relative, resolve } from 'node:path';
import { parse } from 'yaml';
import type { Digest } from '@galley/api/digest';
import { GalleyError } from '@galley/api/error/galley-error';
import { dnsLabelPattern } from '@galley/api/kind/object';
import { checkModel, sampleNames } from '@galley/build/recipe/model/find-model';
import { headBytes, modelEndings, namedFormat } from '@galley/build/recipe/model/model-format';
import { checkArchiveUrl } from '@galley/build/source/archive/url';
import { parseGitAddress } from '@galley/build/source/git/address';
import { labelOf } from './label-of.ts';

/** What the argument of `deploy` means. */
export type SourceArgument =
  | {
      readonly kind: 'directory';
      readonly name: string;
      readonly path: string;
      readonly include: readonly string[];
      /** A saved model that was given alone, and what may be declared beside it. */
      readonly only?: readonly string[];
    }
  | {
      readonly kind: 'git';
      readonly name: string;
      readonly url: string;
      readonly ref: string;
      readonly contextDir: string;
      readonly submodules: boolean;
      /** It lies on this machine, where a server does not look: the commit is read here and uploaded. */
      readonly local: boolean;
    }
  | ArchiveArgument;

/** An archive: behind a URL, or a file of this machine. */
export type ArchiveArgument =
  | {
      readonly kind: 'url';
      readonly name: string;
      readonly url: string;
      readonly digest: Digest | undefined;
      readonly contextDir: string;
    }
  | { readonly kind: 'file'; readonly name: string; readonly path: string; readonly contextDir: string };

export interface SourceOptions {
  readonly cwd: string;
  readonly include: readonly string[];
  readonly name: string | undefined;
  readonly subdir: string | undefined;
  readonly ref?: string | undefined;
  readonly submodules?: boolean | undefined;
}

/** A folder or a URL, with the application's name: the flag, else `name` of galley.yaml, else the folder's or repository's. */
export async function describeSource(argument: string, options: SourceOptions): Promise<SourceArgument> {
  const path = resolve(options.cwd, argument, options.subdir ?? '.');
  const found = await stat(path).catch(() => undefined);
  // A folder that is there wins over `host:path`, which looks like a name with a colon.
  if (found?.isDirectory() === true) return describeFolder(path, options);
  if (found?.isFile() === true && namedFormat(path) !== undefined) return describeModel(path, options);
  const archive = describeArchive(argument, options);
  if (archive !== undefined) return archive;
  if (isAddress(argument)) return describeGit(argument, options);
  if (found?.isFile() === true)
    throw new GalleyError('USAGE', `${path} is neither an archive nor a saved model by its name.`, {
      hint: `Saved models end in ${modelEndings}. A notebook or script is served with its folder: galley deploy ${dirname(argument)}`,
    });
  throw new GalleyError(
    'USAGE',
    `${path} is no folder and no file, and ${argument} no address of a git repository.`,
    { hint: 'galley deploy <folder>, or galley deploy https://example.org/team/model.git#main' },
  );
}

/** What may lie beside a saved model that is given alone; nothing else of its folder is looked at, which may be anybody's downloads. */
const besideModel: readonly string[] = [
  'requirements.txt',
  'pylock.toml',
  'environment.yml',
  'runtime.txt',
  '.python-version',
  ...sampleNames,
];

/** A file that is served by itself. Throws `MODEL_FILE_INVALID` for another content than its name says, `USAGE` for a link to a name that says nothing. */
async function describeModel(path: string, options: SourceOptions): Promise<SourceArgument> {
  refuseFlag(options.ref, '--ref', 'A saved model is one file');
  refuseFlag(options.include[0], '--include', 'A saved model is one file');
  // What is typed may be a link to it: a tree takes no link that leads out of it.
  const real = await realpath(path);
  const file = basename(real);
  if (namedFormat(real) === undefined)
    throw new GalleyError('USAGE', `${path} is a link to ${real}, whose name does not say what it holds.`, {
      hint: `Give a copy of it: cp -L ${basename(path)} FOLDER`,
    });
  const handle = await open(real);
  try {
    const { buffer, bytesRead } = await handle.read(Buffer.alloc(headBytes), 0, headBytes, 0);
    checkModel(real, buffer.subarray(0, bytesRead));
  } finally {
    await handle.close();
  }
  const name = checkName(options.name ?? labelOf(basename(path).replace(/\.[^.]+$/, '')));
  return { kind: 'directory', name, path: dirname(real), include: [], only: [file, ...besideModel] };
}

const archiveName = /\.(?:tar|tar\.gz|tgz|tar\.zst|tzst|zip|tar\.xz|txz|tar\.bz2|tbz2)$/i;

/** By the end of its name; what it really is, its bytes say. `#sha256=…` behind a URL is what it must hash to, as pip writes it. */
function describeArchive(argument: string, options: SourceOptions): ArchiveArgument | undefined {
  const isUrl = /^https?:\/\//i.test(argument) && URL.canParse(argument);
  const path = isUrl ? new URL(argument).pathname : argument;
  if (!archiveName.test(path)) return undefined;
  refuseFlag(options.ref, '--ref', 'An archive is one state of a repository');
  refuseFlag(options.include[0], '--include', 'An archive holds what it holds');
  const contextDir = options.subdir ?? '';
  const name = checkName(options.name ?? labelOf(nameOf(path.replace(archiveName, ''))));
  if (!isUrl) return { kind: 'file', name, path: resolve(options.cwd, argument), contextDir };
  const url = new URL(argument);
  const hash = /^#sha256=([0-9a-f]{64})$/i.exec(url.hash)?.[1]?.toLowerCase();
  if (url.hash !== '' && hash === undefined)
    refuseFlag(url.hash, url.hash, 'Behind an archive only #sha256=<64 digits> has a meaning');
  return {
    kind: 'url',
    name,
    url: checkArchiveUrl(argument, hash !== undefined).href,
    digest: hash === undefined ? undefined : `sha256:${hash}`,
    contextDir,
  };
}

function refuseFlag(value: string | undefined, flag: string, why: string): void {
  if (value === undefined) return;
  throw new GalleyError('USAGE', `${why}: ${flag} names nothing in it.`, { hint: 'Leave it out.' });
}

/** What lies in the folder; with `--ref`, or for a bare repository, the commit of the repository around it. */
async function describeFolder(path: string, options: SourceOptions): Promise<SourceArgument> {
  const bare = await isBare(path);
  const name = checkName(options.name ?? (await nameFromFile(path)) ?? labelOf(nameOf(path)));
  if (options.ref === undefined && !bare) return { kind: 'directory', name, path, include: options.include };
  const root = bare ? path : await repositoryAround(path);
  if (root === undefined) {
    throw new GalleyError('USAGE', `${path} lies in no git repository, so that --ref names nothing.`, {
      hint: 'galley deploy <folder> takes it as it is.',
    });
  }
  return gitArgument(name, root, { ...options, subdir: relative(root, path) }, true);
}

function describeGit(argument: string, options: SourceOptions): SourceArgument {
  const { url, transport, fragment } = parseGitAddress(argument);
  if (fragment !== '' && options.ref !== undefined && options.ref !== fragment) {
    throw new GalleyError('USAGE', `The address names ${fragment}, and --ref names ${options.ref}.`, {
      hint: 'Give one of them.',
    });
  }
  const name = checkName(options.name ?? labelOf(nameOf(url)));
  return gitArgument(name, url, { ...options, ref: options.ref ?? fragment }, transport === 'file');
}

function gitArgument(name: string, url: string, options: SourceOptions, local: boolean): SourceArgument {
  if (options.include.length > 0) {
    throw new GalleyError(
      'USAGE',
      '--include is for folders: what git holds back is not in the repository.',
      {
        hint: 'Deploy a clone: galley deploy <folder> --include <GLOB>',
      },
    );
  }
  const { ref = '', subdir = '', submodules = true } = options;
  return { kind: 'git', name, url, ref, contextDir: subdir, submodules, local };
}

/** What can be nothing but an address; `parseGitAddress` says what is wrong with it. */
function isAddress(text: string): boolean {
  return /^[a-z][a-z0-9+.-]*:\/\//i.test(text) || /^(?:[\w.-]+@)?(?:[\w.-]+|\[[0-9a-f:]+\]):./i.test(text);
}

function nameOf(path: string): string {
  return basename(path.replace(/[:/]+$/, '').replace(':', '/')).replace(/\.git$/, '');
}

async function isBare(path: string): Promise<boolean> {
  const parts = await Promise.all(
    ['HEAD', 'objects', 'refs', '.git'].map((part) => exists(join(path, part))),
  );
  return parts.join() === 'true,true,true,false';
}

/** The folder with `.git` that this one lies in. */
async function repositoryAround(path: string): Promise<string | undefined> {
  if (await exists(join(path, '.git'))) return path;
  const parent = dirname(path);
  return parent === path ? undefined : repositoryAround(parent);
}

function exists(path: string): Promise<boolean> {
  return stat(path).then(
    () => true,
    () => false,
  );
}

/** A broken galley.yaml is told by the build, which reads all of it; here only the name matters. */
async function nameFromFile(path: string): Promise<string | undefined> {
  const text = await readFile(`${path}/galley.yaml`, 'utf8').catch(() => undefined);
  if (text === undefined) return undefined;
  try {
    const value: unknown = parse(text);
    return typeof value === 'object' && value !== null && 'name' in value && typeof value.name === 'string'
      ? value.name
      : undefined;
  } catch {
    return undefined;
  }
}

function checkName(name: string): string {
  if (new RegExp(dnsLabelPattern).test(name)) return name;
  throw new GalleyError('INVALID_NAME', `${JSON.stringify(name)} can't be a name: it must be a DNS label.`, {
    hint: 'Lower-case letters, digits and -, at most 63, beginning and ending with a letter or digit: --name my-model',
    details: { name },
  });
}
