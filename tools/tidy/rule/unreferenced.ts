import { posix } from 'node:path';
import { importsOf } from '../imports.ts';
import { isMain, isScript } from '../path.ts';
import type { Rule } from '../rule.ts';
import type { Tree } from '../tree.ts';

/** What is run or loaded by name: mains, tests, benchmarks, the configuration of tools. */
function isEntry(path: string): boolean {
  return (
    isMain(path) ||
    path.endsWith('.test.ts') ||
    /^bench\/[^/]+\.ts$/.test(path) ||
    path === 'vitest.config.ts'
  );
}

/** Every script is reached from something that is run. */
export const unreferencedRule: Rule = {
  name: 'no script is unreferenced',
  check(tree) {
    const imports = importsOf(tree);
    const reached = new Set<string>();
    const queue = tree.paths.filter((path) => isScript(path) && isEntry(path));
    for (let path = queue.pop(); path !== undefined; path = queue.pop()) {
      if (reached.has(path) || !imports.has(path)) continue;
      reached.add(path);
      for (const { target } of imports.get(path) ?? []) if (target !== undefined) queue.push(target);
      queue.push(...namedIn(tree, path));
    }
    return [...imports.keys()]
      .filter((path) => !reached.has(path))
      .map((path) => ({ path, line: 1, message: 'nothing reaches this file; use it or remove it' }));
  },
};

/**
 * Scripts that a file names in a string: workers, reporters and programs that are started; and the folder in
 * `new URL('./x/', …)`, whose scripts are loaded by listing it (the commands of the command line).
 */
function namedIn(tree: Tree, path: string): string[] {
  const text = tree.read(path);
  const files = [...text.matchAll(/['"`]([\w@./-]+\.(?:ts|mjs))['"`]/g)].flatMap(([, name = '']) => [
    posix.normalize(posix.join(posix.dirname(path), name)),
    name,
  ]);
  const folders = [...text.matchAll(/new URL\(\s*['"`](\.{1,2}\/(?:[\w./-]*\/)?)['"`]/g)].map(
    ([, name = '']) => posix.normalize(posix.join(posix.dirname(path), name)),
  );
  return [
    ...files,
    ...tree.paths.filter((other) => isScript(other) && folders.some((folder) => other.startsWith(folder))),
  ];
}
