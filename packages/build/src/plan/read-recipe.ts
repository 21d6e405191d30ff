import { availablePythons } from '../base/plan-base.ts';
import type { BuildContext, BuildOptions } from '../build.ts';
import { makeRecipe, type Recipe } from '../recipe/recipe.ts';
import type { SourceTree } from '../source/source-tree.ts';
import type { PhaseEnd } from './phase-log.ts';

/** Reads the recipe of a source and tells what becomes of each of its files. Throws as `makeRecipe`. */
export async function readRecipe(
  tree: SourceTree,
  {
    options,
    context,
    object,
    open,
    end,
  }: {
    readonly options: BuildOptions;
    readonly context: BuildContext;
    readonly object: string;
    /** True: nothing of it will run. */
    readonly open: boolean;
    readonly end: (how: PhaseEnd) => void;
  },
): Promise<Recipe> {
  const recipe = await makeRecipe(tree, {
    notebooks: options.notebooks,
    strategy: options.strategy,
    model: options.model,
    python: options.python,
    supportedPythons:
      context.carried === undefined ? await availablePythons() : [context.carried.python.version],
    modernise: options.modernise,
    open,
    signal: context.signal,
  });
  for (const { path, use, why } of recipe.files) {
    const passedOver = use === 'passed over';
    const reason = passedOver ? why : `${use}: ${why}`;
    context.emit({ object, phase: 'recipe', step: path, state: passedOver ? 'skipped' : 'done', reason });
  }
  const notebooks = recipe.notebooks.map(({ path }) => path).join(', ');
  const what = notebooks === '' ? 'no notebook' : notebooks;
  end({ state: 'done', reason: `${what}; Python ${recipe.python.version} (${recipe.python.from})` });
  return recipe;
}
