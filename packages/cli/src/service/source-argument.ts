import { readFile, stat } from 'node:fs/promises';
import { basename, resolve } from 'node:path';
import { parse } from 'yaml';
import { GalleyError } from '@galley/api/error/galley-error';
import { dnsLabelPattern } from '@galley/api/kind/object';

/** What the argument of `deploy` means. */
export type SourceArgument =
  | {
      readonly kind: 'directory';
      readonly name: string;
      readonly path: string;
      readonly include: readonly string[];
    }
  | {
      readonly kind: 'git';
      readonly name: string;
      readonly url: string;
      readonly ref: string;
      readonly contextDir: string;
    };

export interface SourceOptions {
  readonly cwd: string;
  readonly include: readonly string[];
  readonly name: string | undefined;
  readonly subdir: string | undefined;
}

/** A folder or a URL, with the application's name: the flag, else `name` of galley.yaml, else the folder's or repository's. */
export async function describeSource(argument: string, options: SourceOptions): Promise<SourceArgument> {
  if (isUrl(argument)) {
    const [url = '', ref = ''] = argument.split('#', 2);
    const name = checkName(options.name ?? labelOf(basename(url).replace(/\.git$/, '')));
    if (options.include.length > 0) {
      throw new GalleyError(
        'USAGE',
        '--include is for folders: what git holds back is not in the repository.',
        {
          hint: 'Deploy a clone: galley deploy <folder> --include <GLOB>',
        },
      );
    }
    return { kind: 'git', name, url, ref, contextDir: options.subdir ?? '' };
  }
  const path = resolve(options.cwd, argument, options.subdir ?? '.');
  const found = await stat(path).catch(() => undefined);
  if (found?.isDirectory() !== true) {
    throw new GalleyError('USAGE', `${path} is no folder and ${argument} no URL of a git repository.`, {
      hint: 'galley deploy <folder>, or galley deploy https://example.org/team/model.git#main',
    });
  }
  const name = checkName(options.name ?? (await nameFromFile(path)) ?? labelOf(basename(path)));
  return { kind: 'directory', name, path, include: options.include };
}

function isUrl(text: string): boolean {
  return /^[a-z+]+:\/\//i.test(text) || /^[\w.-]+@[\w.-]+:/.test(text);
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

/** A folder's name as a DNS label: `My Model_2` → `my-model-2`. */
function labelOf(text: string): string {
  return text
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, '-')
    .replace(/^-+|-+$/g, '')
    .slice(0, 63);
}

function checkName(name: string): string {
  if (new RegExp(dnsLabelPattern).test(name)) return name;
  throw new GalleyError('INVALID_NAME', `${JSON.stringify(name)} can't be a name: it must be a DNS label.`, {
    hint: 'Lower-case letters, digits and -, at most 63, beginning and ending with a letter or digit: --name my-model',
    details: { name },
  });
}
