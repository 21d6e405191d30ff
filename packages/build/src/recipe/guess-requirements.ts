import type { SourceTree } from '../source/source-tree.ts';
import { companionsOf, distributionOf } from './distribution-names.ts';
import type { Read } from './read-code.ts';
import { parseRequirement, type Requirement } from './requirement.ts';

/** The cells and those modules that they import, directly or by way of each other. */
export function reachedSources(cells: readonly Read[], modules: readonly Read[]): readonly Read[] {
  const byName = new Map<string, Read[]>();
  for (const module of modules) {
    const name = module.from.split('/')[0]?.replace(/\.py$/, '') ?? '';
    byName.set(name, [...(byName.get(name) ?? []), module]);
  }
  const reached = new Set<Read>(cells);
  for (const item of reached) {
    for (const name of item.source.imports) byName.get(name)?.forEach((module) => reached.add(module));
  }
  return [...reached];
}

/** Module → the first source that imports it. */
export function foreignImports(
  tree: SourceTree,
  sources: readonly Read[],
  standardLibrary: ReadonlySet<string>,
): ReadonlyMap<string, string> {
  const own = new Set(tree.entries.map(({ path }) => path.split('/')[0]?.replace(/\.py$/, '') ?? ''));
  const imports = new Map<string, string>();
  for (const { from, source } of sources) {
    for (const name of source.imports) {
      if (!standardLibrary.has(name) && !own.has(name) && !imports.has(name)) imports.set(name, from);
    }
  }
  return new Map([...imports].sort(([a], [b]) => (a < b ? -1 : 1)));
}

/**
 * What to install for the imports of a repository that declares nothing: listed, and marked as guessed wherever it is shown. `known`: what a saved
 * model says of the modules that it names.
 */
export function guessRequirements(
  imports: ReadonlyMap<string, string>,
  sources: readonly Read[],
  known: ReadonlyMap<string, string> = new Map(),
): readonly Requirement[] {
  const guesses = new Map<string, Requirement>();
  for (const [module, from] of imports) {
    const line = known.get(module) ?? distributionOf(module);
    const requirement = parseRequirement(line, `import ${module} in ${from}`);
    guesses.set(requirement.name, requirement);
  }
  for (const { from, text } of sources) {
    for (const { distribution, because } of companionsOf(text)) {
      if (!guesses.has(distribution)) {
        guesses.set(distribution, parseRequirement(distribution, `${because} in ${from}`));
      }
    }
  }
  return [...guesses.values()];
}
