import { stat } from 'node:fs/promises';
import { basename, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { GalleyError } from '@galley/api/error/galley-error';
import type { SourceSpec } from '@galley/build/build';

export interface S2iSourceOptions {
  readonly cwd: string;
  /** Empty: what the address names, else the default branch. */
  readonly ref: string;
  readonly contextDir: string;
  /** True: a folder as it lies there, whatever git says. */
  readonly copy: boolean;
}

/** What the first argument of `s2i build` means. */
export interface S2iSource {
  readonly spec: SourceSpec;
  /** For the label: without credentials. */
  readonly name: string;
  readonly ref: string;
  /** A DNS label made of its last part. */
  readonly label: string;
}

/**
 * A URL, a folder, or a git repository in a folder: of that one the *committed* state is built, as source-to-image does, unless `--copy` says otherwise. Throws
 * `USAGE` when there is nothing.
 */
export async function describeS2iSource(text: string, options: S2iSourceOptions): Promise<S2iSource> {
  const { contextDir } = options;
  if (/^(?!file:)[a-z+]+:\/\//i.test(text) || /^[\w.-]+@[\w.-]+:/.test(text)) {
    const [url = '', fragment = ''] = text.split('#', 2);
    const ref = options.ref === '' ? fragment : options.ref;
    const name = url.replace(/^([a-z+]+:\/\/)[^/@]*@/i, '$1');
    return { spec: { kind: 'git', url, ref, contextDir }, name, ref, label: labelOf(name) };
  }
  const path = text.startsWith('file:///')
    ? fileURLToPath(text)
    : resolve(options.cwd, text.replace(/^file:\/\//, ''));
  const found = await stat(path).catch(() => undefined);
  if (found?.isDirectory() !== true) {
    throw new GalleyError('USAGE', `${path} is no folder and ${text} no URL of a git repository.`, {
      hint: 'galley s2i build . BUILDER TAG, or galley s2i build https://example.org/team/app.git BUILDER TAG',
    });
  }
  const common = { name: path, ref: options.ref, label: labelOf(path) };
  const isRepository = (await stat(join(path, '.git')).catch(() => undefined)) !== undefined;
  if (isRepository && !options.copy) {
    return { ...common, spec: { kind: 'git', url: path, ref: options.ref, contextDir } };
  }
  return { ...common, spec: { kind: 'directory', path: join(path, contextDir), include: [] } };
}

/** `https://host/team/My_App.git` → `my-app`. */
export function labelOf(text: string): string {
  const label = basename(text.replace(/\/+$/, ''))
    .replace(/\.git$/, '')
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, '-')
    .slice(0, 40)
    .replace(/^-+|-+$/g, '');
  return label === '' ? 'app' : label;
}
