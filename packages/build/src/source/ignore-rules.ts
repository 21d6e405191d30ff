import ignore, { type Ignore } from 'ignore';
import type { IgnoreRule, SourceTree } from './source-tree.ts';

/** The content of every .gitignore by its path in the tree: `''` for the root's folder, `data` for data/.gitignore. */
export type IgnoreFiles = ReadonlyMap<string, string>;

/** One line of a .gitignore. The library decides what a pattern matches; we only keep the line it came from. */
interface Line {
  readonly rule: IgnoreRule;
  readonly pattern: Ignore;
}

interface File {
  /** The last line that matches decides: it comes first. */
  readonly lines: readonly Line[];
  /** All patterns, without their `!`: what this does not match, no line matches. */
  readonly any: Ignore;
}

/**
 * The rules of a tree's .gitignore files, read once: a tree may have 100,000 paths, and making a pattern costs more than asking it.
 */
export class IgnoreMatcher {
  readonly #files: ReadonlyMap<string, File>;
  /** Folders that were asked about before: most paths share theirs. */
  readonly #folders = new Map<string, IgnoreRule | undefined>();

  constructor(files: IgnoreFiles) {
    this.#files = new Map([...files].map(([folder, content]) => [folder, readFile(folder, content)]));
  }

  /**
   * Which rule keeps `path` out, the deepest file and its last matching line first, as git decides. Undefined: none does, or a later
   * `!` line lets it in again.
   */
  match(path: string): IgnoreRule | undefined {
    const slash = path.lastIndexOf('/');
    // An ignored parent folder wins over everything below it: git does not look inside.
    return (slash < 0 ? undefined : this.#matchFolder(path.slice(0, slash))) ?? this.#lastRule(path, '');
  }

  #matchFolder(folder: string): IgnoreRule | undefined {
    if (this.#folders.has(folder)) return this.#folders.get(folder);
    const slash = folder.lastIndexOf('/');
    const rule =
      (slash < 0 ? undefined : this.#matchFolder(folder.slice(0, slash))) ?? this.#lastRule(folder, '/');
    this.#folders.set(folder, rule);
    return rule;
  }

  #lastRule(path: string, suffix: '' | '/'): IgnoreRule | undefined {
    for (let folder = parentOf(path); folder !== undefined; folder = parentOf(folder)) {
      const file = this.#files.get(folder);
      const inside = (folder === '' ? path : path.slice(folder.length + 1)) + suffix;
      if (file === undefined || !file.any.ignores(inside)) continue;
      const line = file.lines.find(({ pattern }) => pattern.ignores(inside));
      if (line !== undefined) return line.rule.pattern.startsWith('!') ? undefined : line.rule;
    }
    return undefined;
  }
}

/** `a/b` → `a` → `''` → undefined. */
function parentOf(path: string): string | undefined {
  if (path === '') return undefined;
  return path.slice(0, Math.max(0, path.lastIndexOf('/')));
}

function readFile(folder: string, content: string): File {
  const file = folder === '' ? '.gitignore' : `${folder}/.gitignore`;
  const any = ignore();
  const lines: Line[] = [];
  content.split(/\r?\n/).forEach((pattern, index) => {
    if (pattern.trim() === '' || pattern.startsWith('#')) return;
    // A lone `!x` matches nothing by itself: its positive form says whether it would.
    const positive = pattern.startsWith('!') ? pattern.slice(1) : pattern;
    any.add(positive);
    lines.unshift({ rule: { file, line: index + 1, pattern }, pattern: ignore().add(positive) });
  });
  return { lines, any };
}

/** The rules of a finished tree, from the .gitignore files that are in it. */
export async function rulesOfTree(tree: Pick<SourceTree, 'entries' | 'read'>): Promise<IgnoreMatcher> {
  const files = new Map<string, string>();
  for (const entry of tree.entries) {
    if (entry.kind !== 'file' || !/(^|\/)\.gitignore$/.test(entry.path)) continue;
    const folder = entry.path.slice(0, Math.max(0, entry.path.lastIndexOf('/')));
    files.set(folder, (await tree.read(entry, 1024 * 1024)).toString('utf8'));
  }
  return new IgnoreMatcher(files);
}
