import type { SourceEntry, SourceFile, SourceTree } from '../source/source-tree.ts';
import { parseEnvironmentFile } from './environment-file.ts';
import { parseIgnoreFile } from './ignore-file.ts';
import type { Variables } from './s2i.ts';

/** Scripts of the protocol, in the order of a builder's life. */
export const scriptNames = ['assemble', 'assemble-runtime', 'run', 'save-artifacts', 'usage'] as const;
export type ScriptName = (typeof scriptNames)[number];

/** What a repository brings to a source-to-image build. */
export interface SourceFiles {
  /** What goes to `<destination>/src`. */
  readonly entries: readonly SourceEntry[];
  /** `.s2i/bin/NAME`: taken out of the source. */
  readonly scripts: ReadonlyMap<ScriptName, SourceFile>;
  /** `.s2i/environment`. */
  readonly env: Variables;
  readonly warnings: readonly string[];
}

/** Sorts a repository's files. Scripts are taken before `.s2iignore` is heard, as source-to-image does. */
export async function readSourceFiles(tree: SourceTree, exclude: RegExp | undefined): Promise<SourceFiles> {
  const scripts = new Map<ScriptName, SourceFile>();
  const moved = new Set<string>();
  for (const name of scriptNames) {
    // The old folder first, so that the new one wins.
    for (const path of [`.sti/bin/${name}`, `.s2i/bin/${name}`]) {
      const file = tree.find(path);
      if (file === undefined) continue;
      scripts.set(name, file);
      moved.add(path);
    }
  }
  const ignored = parseIgnoreFile(await textOf(tree, '.s2iignore'));
  const environment = parseEnvironmentFile(
    (await textOf(tree, '.s2i/environment')) || (await textOf(tree, '.sti/environment')),
    ['#'],
  );
  const entries = tree.entries.filter(
    ({ path }) => !moved.has(path) && !ignored(path) && exclude?.test(path) !== true,
  );
  return {
    entries,
    scripts,
    env: environment.variables,
    warnings: environment.odd.map(
      (line) => `.s2i/environment, line ${line} is no NAME=VALUE and was left out`,
    ),
  };
}

async function textOf(tree: SourceTree, path: string): Promise<string> {
  const file = tree.find(path);
  return file === undefined ? '' : (await tree.read(file, 1024 * 1024)).toString('utf8');
}
