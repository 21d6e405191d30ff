import { createHash } from 'node:crypto';
import { globPattern, type GlobPattern } from './glob-pattern.ts';
import { packEntries } from './pack-entries.ts';
import type { IgnoreRule, SourceTree } from './source-tree.ts';

/** A line of a .dockerignore. */
interface Pattern extends IgnoreRule {
  readonly negated: boolean;
  readonly matches: GlobPattern;
}

/** A source without what its ignore files keep out of images. */
export interface FilteredTree {
  readonly tree: SourceTree;
  /** How many files each file of rules kept out; empty: none was there, or none kept anything out. */
  readonly counts: readonly { readonly file: string; readonly files: number }[];
}

/**
 * Leaves out of a source what the given ignore files keep out of images; `keep` stays whatever they say. The files are read as Docker reads
 * a .dockerignore, which is also what source-to-image means by .s2iignore: patterns are anchored at the root, `*` does not
 * cross a `/`, the last line that matches decides (not .gitignore's rules).
 */
export async function withoutIgnored(
  tree: SourceTree,
  files: readonly string[],
  keep: ReadonlySet<string>,
): Promise<FilteredTree> {
  const patterns: Pattern[] = [];
  for (const path of files) {
    const file = tree.find(path);
    if (file !== undefined)
      patterns.push(...parsePatterns(path, (await tree.read(file, 1024 * 1024)).toString('utf8')));
  }
  const rules = new Map<string, IgnoreRule>();
  for (const { path } of tree.entries) {
    const rule = keep.has(path) ? undefined : ruleOf(patterns, path);
    if (rule !== undefined) rules.set(path, rule);
  }
  if (rules.size === 0) return { tree, counts: [] };
  const counts = files
    .map((file) => ({ file, files: [...rules.values()].filter((rule) => rule.file === file).length }))
    .filter((count) => count.files > 0);
  return { tree: await filtered(tree, rules), counts };
}

async function filtered(tree: SourceTree, rules: ReadonlyMap<string, IgnoreRule>): Promise<SourceTree> {
  const entries = tree.entries.filter(({ path }) => !rules.has(path));
  const hash = createHash('sha256');
  for await (const chunk of packEntries(entries)) hash.update(chunk as Buffer);
  const paths = new Set(entries.map(({ path }) => path));
  return {
    ...tree,
    digest: `sha256:${hash.digest('hex')}`,
    entries,
    find: (path) => {
      const file = tree.find(path);
      return file !== undefined && paths.has(file.path) ? file : undefined;
    },
    ignoredBy: async (path) => rules.get(path) ?? tree.ignoredBy(path),
    pack: () => packEntries(entries),
  };
}

function parsePatterns(file: string, text: string): readonly Pattern[] {
  return text
    .replace(/^\uFEFF/, '')
    .split(/\r\n|\r|\n/)
    .flatMap((raw, index) => {
      const pattern = raw.trim();
      if (pattern === '' || raw.startsWith('#')) return [];
      const negated = pattern.startsWith('!');
      const plain = pattern
        .slice(negated ? 1 : 0)
        .trim()
        .replace(/^\.?\/+/, '')
        .replace(/\/+$/, '');
      if (plain === '' || plain === '.') return [];
      return [{ file, line: index + 1, pattern, negated, matches: globPattern(plain) }];
    });
}

/** The last pattern that matches the path or a folder above it. */
function ruleOf(patterns: readonly Pattern[], path: string): IgnoreRule | undefined {
  const parts = path.split('/');
  const places = parts.map((_, depth) => parts.slice(0, depth + 1).join('/'));
  const last = patterns.findLast(({ matches }) => places.some((place) => matches(place)));
  if (last === undefined || last.negated) return undefined;
  const { file, line, pattern } = last;
  return { file, line, pattern };
}
