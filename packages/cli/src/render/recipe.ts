import type { RecipeRecord } from '@galley/build/plan/recipe-record';
import { safeLine } from './safe-text.ts';
import { table } from './table.ts';

/** What was read of a repository, for people: which files had a say, what was guessed, what was replaced. Warnings are not in it. */
export function describeRecipe(recipe: RecipeRecord): string {
  const { python, notebooks, notebooksFrom } = recipe;
  const files = recipe.files.map(({ path, use, why }) => [safeLine(path), use, safeLine(why)]);
  const changes = recipe.changes.map(({ name, from, to, where, why }) => [
    safeLine(name),
    safeLine(from),
    safeLine(to),
    safeLine(`${where}: ${why}`),
  ]);
  const guesses = recipe.requirements.map(({ line, from }) => [safeLine(line), safeLine(from)]);
  return [
    `${recipe.strategy === 'model' ? 'Model    ' : 'Notebooks'} ${safeLine(notebooks.join(', '))} (${safeLine(notebooksFrom)})`,
    `Python    ${python.version} (${safeLine(python.from)})`,
    ...(recipe.systemPackages.length === 0 ? [] : [`Debian    ${safeLine(recipe.systemPackages.join(' '))}`]),
    ...(recipe.asOf === undefined ? [] : [`As of     ${recipe.asOf}`]),
    ...(files.length === 0 ? [] : ['', table(['FILE', '', 'WHY'], files)]),
    ...(changes.length === 0 ? [] : ['', table(['REPLACED', 'PIN', 'BY', 'WHY'], changes)]),
    ...(recipe.guessed && guesses.length > 0
      ? [
          '',
          `Nothing is declared; these packages are guessed from what ${recipe.strategy === 'model' ? 'the model names' : 'is imported'}:`,
          table(['PACKAGE', 'WHY'], guesses),
        ]
      : []),
  ].join('\n');
}
