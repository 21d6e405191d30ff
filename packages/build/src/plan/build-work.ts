import type { BuildContext, BuildOptions } from '../build.ts';
import type { Recipe } from '../recipe/recipe.ts';
import type { SourceTree } from '../source/source-tree.ts';
import type { LockChoices } from './lock-recipe.ts';
import type { PhaseLog } from './phase-log.ts';
import type { BuildSecrets } from '../secret/secret-use.ts';
import type { BuildSettings } from './settings.ts';

/** What every step of one build shares. */
export interface BuildWork {
  readonly context: BuildContext;
  readonly options: BuildOptions;
  readonly object: string;
  readonly phases: PhaseLog;
  readonly workDir: string;
  /** All of the repository. */
  readonly source: SourceTree;
  /** What of it goes into images: without what its ignore files keep out. */
  readonly tree: SourceTree;
  readonly recipe: Recipe;
  readonly settings: BuildSettings;
  readonly choices: LockChoices;
  readonly secrets: BuildSecrets;
}
