import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

/** The files of a repository, or a small made-up one. Paths are relative, with `/`, sorted. */
export interface Tree {
  readonly paths: readonly string[];
  /** @throws when there is no such path */
  read(path: string): string;
}

/** A tree of the texts given, for the tests of rules. */
export function treeOf(files: Readonly<Record<string, string>>): Tree {
  return {
    paths: Object.keys(files).toSorted(),
    read(path) {
      const text = files[path];
      if (text === undefined) throw new Error(`${path} is not in this tree`);
      return text;
    },
  };
}

/** What git tracks or would add below `root`: findings show before the commit, and ignored files never do. */
export function repositoryTree(root: string): Tree {
  const listed = execFileSync('git', ['ls-files', '-z', '--cached', '--others', '--exclude-standard'], {
    cwd: root,
    encoding: 'utf8',
    maxBuffer: 64 * 1024 * 1024,
  });
  const paths = [...new Set(listed.split('\0'))].filter(
    (path) => path !== '' && existsSync(join(root, path)),
  );
  const texts = new Map<string, string>();
  return {
    paths: paths.toSorted(),
    read(path) {
      const known = texts.get(path) ?? readFileSync(join(root, path), 'utf8');
      texts.set(path, known);
      return known;
    },
  };
}
