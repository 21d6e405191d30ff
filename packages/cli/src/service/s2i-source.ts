import { stat } from 'node:fs/promises';
import { basename, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { SourceSpec } from '@galley/build/build';
import { redactUrl } from '@galley/build/source/git/address';
import { labelOf } from './label-of.ts';
import { ownSource } from './own-source.ts';
import { describeSource } from './source-argument.ts';

export interface S2iSourceOptions {
  readonly cwd: string;
  /** Empty: what the address names, else the default branch. */
  readonly ref: string;
  readonly contextDir: string;
  /** True: a folder as it lies there, whatever git says. */
  readonly copy: boolean;
  /** False: submodules stay empty. */
  readonly submodules: boolean;
  /** A token or a private key for a repository that wants one. */
  readonly secret: string | undefined;
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
  const { contextDir, submodules, ref } = options;
  // source-to-image takes what follows `file://` for a path, a relative one too.
  const local = text.startsWith('file:///') ? fileURLToPath(text) : text.replace(/^file:\/\//, '');
  const path = resolve(options.cwd, local);
  if (!options.copy && (await exists(join(path, '.git')))) {
    const spec = { kind: 'git', url: path, ref, contextDir, submodules, own: true } as const;
    return { spec, name: path, ref, label: s2iLabel(path) };
  }
  const argument = await describeSource(local, {
    cwd: options.cwd,
    include: [],
    name: s2iLabel(path),
    subdir: contextDir === '' ? undefined : contextDir,
    ref: ref === '' ? undefined : ref,
    submodules,
  });
  return {
    spec: ownSource(argument, options.secret),
    name: argument.kind === 'directory' || argument.kind === 'file' ? path : redactUrl(argument.url),
    ref: argument.kind === 'git' ? argument.ref : '',
    label: argument.name,
  };
}

async function exists(path: string): Promise<boolean> {
  return stat(path).then(
    () => true,
    () => false,
  );
}

/** `https://host/team/My_App.git#main` → `my-app`. */
export function s2iLabel(text: string): string {
  const last = basename(text.replace(/#.*$/, '').replace(/\/+$/, ''));
  return labelOf(last.replace(/\.git$/, '')) || 'app';
}
