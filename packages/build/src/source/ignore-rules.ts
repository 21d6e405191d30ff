import ignore from 'ignore';
import type { IgnoreRule } from './source-tree.ts';

/** The content of every .gitignore by its path in the tree: `''` for the root's folder, `data` for data/.gitignore. */
export type IgnoreFiles = ReadonlyMap<string, string>;

/**
 * Which rule keeps `path` out, the deepest file and its last matching line first, as git decides. Undefined: none does, or a later
 * `!` line lets it in again. The library decides what a pattern matches; we only keep the line it came from.
 */
export function matchIgnoreRules(files: IgnoreFiles, path: string): IgnoreRule | undefined {
  const parts = path.split('/');
  // An ignored parent folder wins over everything below it: git does not look inside.
  for (let depth = 1; depth <= parts.length; depth += 1) {
    const isFolder = depth < parts.length;
    const rule = lastRule(files, parts.slice(0, depth), isFolder);
    if (rule !== undefined && !rule.pattern.startsWith('!')) return rule;
  }
  return undefined;
}

function lastRule(files: IgnoreFiles, parts: readonly string[], isFolder: boolean): IgnoreRule | undefined {
  for (let depth = parts.length - 1; depth >= 0; depth -= 1) {
    const folder = parts.slice(0, depth).join('/');
    const content = files.get(folder);
    if (content === undefined) continue;
    const path = parts.slice(depth).join('/') + (isFolder ? '/' : '');
    const lines = content.split(/\r?\n/);
    for (let index = lines.length - 1; index >= 0; index -= 1) {
      const pattern = lines[index] ?? '';
      if (pattern.trim() === '' || pattern.startsWith('#')) continue;
      if (matches(pattern, path)) {
        return { file: folder === '' ? '.gitignore' : `${folder}/.gitignore`, line: index + 1, pattern };
      }
    }
  }
  return undefined;
}

function matches(pattern: string, path: string): boolean {
  // A lone `!x` matches nothing by itself: ask whether its positive form would.
  return ignore()
    .add(pattern.startsWith('!') ? pattern.slice(1) : pattern)
    .ignores(path);
}
