import type { GalleyYaml } from '@galley/api/kind/application';
import type { SourceTree } from '../source/source-tree.ts';
import { findNotebooks } from './find-notebooks.ts';
import { readGalleyYaml } from './galley-yaml.ts';
import { parseNotebook, type Notebook } from './notebook.ts';
import { choosePython } from './python-version.ts';
import { readRequirements, type Requirements } from './requirements.ts';

/** What a repository needs to be built: everything that was read, and what said so. */
export interface Recipe {
  readonly notebooks: readonly Notebook[];
  readonly notebooksFrom: string;
  /** `3.11`. */
  readonly python: string;
  readonly pythonFrom: string;
  readonly requirements: Requirements;
  /** The repository's own settings; a flag and the object rank above them (DESIGN.md §2). */
  readonly settings: GalleyYaml | undefined;
}

/** What the application asks for before the repository is heard. */
export interface RecipeRequest {
  readonly notebooks: readonly string[];
  /** Empty: the repository decides. */
  readonly python: string;
  /** Versions for which there is a base, the default first. */
  readonly supportedPythons: readonly string[];
  readonly signal?: AbortSignal | undefined;
}

/** Reads a source without running anything of it. Throws the errors of what it reads: see docs/errors.md, `build`. */
export async function makeRecipe(tree: SourceTree, request: RecipeRequest): Promise<Recipe> {
  const settings = await readGalleyYaml(tree);
  const choice = await findNotebooks(
    tree,
    request.notebooks.length > 0 ? request.notebooks : (settings?.build?.notebooks ?? []),
  );
  const notebooks: Notebook[] = [];
  for (const path of choice.notebooks) {
    const file = tree.find(path);
    if (file !== undefined) notebooks.push(parseNotebook(path, await tree.read(file)));
  }
  const asked =
    request.python === ''
      ? { version: settings?.build?.python ?? '', from: 'galley.yaml' }
      : { version: request.python, from: 'build.python' };
  const python = await choosePython(tree, asked.version === '' ? undefined : asked, request.supportedPythons);
  return {
    notebooks,
    notebooksFrom: choice.from,
    python: python.version,
    pythonFrom: python.from,
    requirements: await readRequirements(tree, notebooks, request.signal),
    settings,
  };
}
