import type { GalleyYaml } from '@galley/api/kind/application';
import { GalleyError } from '@galley/api/error/galley-error';
import type { SourceTree } from '../source/source-tree.ts';
import { findNotebooks, noNotebook, type NotebookChoice } from './find-notebooks.ts';
import { findModel, namedModel, type SavedModel } from './model/find-model.ts';

/** What makes the model of a source, and what said so. */
export interface Work extends NotebookChoice {
  /** It was saved by somebody else, and stands among the notebooks as the only one. */
  readonly model?: SavedModel;
}

/** The part of `build` in galley.yaml and in an application that decides it. */
export type WorkRequest = Pick<NonNullable<GalleyYaml['build']>, 'strategy' | 'notebooks' | 'model'>;

/**
 * Notebooks before scripts before saved models: who commits a notebook beside the model that it once made wants the notebook to be run. `strategy`
 * or `model` say otherwise. `open`: nothing is to run. Throws as `findNotebooks`, `findModel` and `namedModel`; `RECIPE_CONFLICT` where both are asked for.
 */
export async function chooseWork(
  tree: SourceTree,
  { strategy = 'auto', notebooks = [], model = '' }: WorkRequest,
  options: { readonly open: boolean; readonly signal?: AbortSignal | undefined },
): Promise<Work> {
  const wantsModel = strategy === 'model' || model !== '';
  if (wantsModel && (notebooks.length > 0 || strategy === 'notebook'))
    throw new GalleyError('RECIPE_CONFLICT', 'build asks for notebooks and for a saved model.', {
      hint: 'Keep build.notebooks, or build.model: an application serves one model.',
    });
  if (!wantsModel) {
    const choice = await findNotebooks(tree, notebooks, options);
    if (choice !== undefined) return choice;
    if (strategy === 'notebook')
      throw noNotebook('The source holds no notebook, and no script that binds predictor.');
  }
  const found = model === '' ? await findModel(tree) : await namedModel(tree, model);
  if (found !== undefined)
    return {
      notebooks: [found.path],
      from: model === '' ? 'the only saved model' : 'build.model',
      model: found,
    };
  throw noNotebook(
    wantsModel
      ? 'The source holds no saved model.'
      : 'The source holds no notebook, no script that binds predictor, and no saved model.',
  );
}
