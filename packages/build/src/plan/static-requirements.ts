import { readProject } from '../recipe/project.ts';
import type { Recipe } from '../recipe/recipe.ts';
import type { Requirement } from '../recipe/requirement.ts';
import { redactUrl } from '../source/git/address.ts';
import type { SourceTree } from '../source/source-tree.ts';

/** A recipe in which nothing has to be built before it can be locked. */
export interface StaticRecipe {
  readonly recipe: Recipe;
  /** What a build would make into a wheel or fetch. */
  readonly builds: readonly string[];
  /** What could not be read without building. */
  readonly warnings: readonly string[];
}

/**
 * Puts in the place of what must be built what its files say that it depends on: for plans and locks, which run nothing. Files from
 * elsewhere (URLs, git) are not fetched for it.
 */
export async function withStaticRequirements(
  recipe: Recipe,
  tree: SourceTree,
  signal?: AbortSignal,
): Promise<StaticRecipe> {
  const builds: string[] = [];
  const warnings: string[] = [];
  const seen = new Set<string>();
  const expand = async (requirements: readonly Requirement[]): Promise<readonly Requirement[]> => {
    const all: Requirement[] = [];
    for (const requirement of requirements) {
      const { direct } = requirement;
      // A wheel of the repository needs no building; whoever locks takes it as it is.
      if (direct === undefined || (direct.source.kind === 'file' && direct.source.path.endsWith('.whl'))) {
        all.push(requirement);
        continue;
      }
      const { source } = direct;
      const title =
        source.kind === 'project'
          ? `the project ${source.path === '' ? 'of the repository' : source.path}`
          : redactUrl(requirement.line);
      if (!builds.includes(title)) builds.push(title);
      const found = source.kind === 'project' ? await readProject(tree, source.path, signal) : undefined;
      if (found?.dependencies === undefined) {
        warnings.push(`what ${title} depends on is known once it is built: it is not in this plan`);
        continue;
      }
      const extras = direct.extras
        .replace(/[[\]]/g, '')
        .split(',')
        .filter((extra) => extra !== '');
      const key = `${found.folder} ${extras.join(',')}`;
      if (seen.has(key)) continue;
      seen.add(key);
      all.push(
        ...(await expand([...found.dependencies, ...extras.flatMap((extra) => found.extras[extra] ?? [])])),
      );
    }
    return all;
  };
  const { requirements, running } = recipe.requirements;
  const known = {
    ...recipe.requirements,
    requirements: await expand(requirements),
    running: await expand(running),
  };
  return { recipe: { ...recipe, requirements: known }, builds, warnings };
}
