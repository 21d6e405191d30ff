import type { GalleyYaml } from '@galley/api/kind/application';
import { countOf } from '@galley/api/kind/count';
import { GalleyError } from '@galley/api/error/galley-error';
import { withoutIgnored } from '../source/container-ignore.ts';
import type { SourceTree } from '../source/source-tree.ts';
import { chooseWork, type Work, type WorkRequest } from './choose-work.ts';
import { chooseConfiguration, type Configuration, type FileUse } from './configuration.ts';
import { readAptTxt } from './file/apt-txt.ts';
import { readToml } from './file/pyproject.ts';
import { readS2iEnvironment, s2iEnvironmentPath, type S2iEnvironment } from './file/s2i-environment.ts';
import { readGalleyYaml } from './galley-yaml.ts';
import { readLockFacts, requirementLines, type LockFacts } from './locked-requirements.ts';
import type { SavedModel } from './model/find-model.ts';
import { readModel, unclearNeeds, type ModelNeeds } from './model/read-model.ts';
import { parseNotebook, type Notebook } from './notebook.ts';
import { choosePython, type PythonChoice } from './python-version.ts';
import { readCode, type Code } from './read-code.ts';
import { readRequirements, type Requirements } from './requirements.ts';
import { isScript, parseScript } from './script.ts';

/** What a repository needs to be built: everything that was read, and what said so. */
export interface Recipe {
  /** A saved model stands here as a notebook without cells. */
  readonly notebooks: readonly Notebook[];
  readonly notebooksFrom: string;
  /** The file that is served as it is; undefined: notebooks make the model. */
  readonly model: SavedModel | undefined;
  readonly python: PythonChoice;
  readonly requirements: Requirements;
  /** What of the source goes into images: without what its ignore files keep out. */
  readonly tree: SourceTree;
  /** Debian packages that are asked for. */
  readonly systemPackages: readonly string[];
  /** A script that is run once the environment is there. */
  readonly postBuild: string | undefined;
  /** Variables for the run and the images. */
  readonly environment: Readonly<Record<string, string>>;
  /** Where files of set-up lie: `''`, `binder`, `.binder`. */
  readonly folder: string;
  /** The lock that decides, when Galley wrote it. */
  readonly lockFacts: LockFacts | undefined;
  /** What became of every file that could have a say, in the order in which they were looked at. */
  readonly files: readonly FileUse[];
  /** The repository's own settings; a flag and the object rank above them (DESIGN.md §2). */
  readonly settings: GalleyYaml | undefined;
}

/** What the application asks for before the repository is heard. */
export interface RecipeRequest {
  readonly notebooks: readonly string[];
  /** Undefined, as for `model`: galley.yaml decides. */
  readonly strategy?: WorkRequest['strategy'] | undefined;
  /** The saved model that is served. */
  readonly model?: string | undefined;
  /** Empty: the repository decides. */
  readonly python: string;
  /** Versions for which there is a base, the default first. */
  readonly supportedPythons: readonly string[];
  /** Replace what has no base or wheel here; undefined: galley.yaml decides. */
  readonly modernise?: boolean | undefined;
  /** Paths that are not heard: a lock that is being written anew. */
  readonly without?: readonly string[];
  /** True: nothing of it will run, so that it may hold no notebook, or several. */
  readonly open?: boolean | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** Reads a source without running anything of it. Throws the errors of what it reads: see docs/errors.md, `build`. */
export async function makeRecipe(tree: SourceTree, request: RecipeRequest): Promise<Recipe> {
  const settings = await readGalleyYaml(tree);
  const choice = await chooseWork(tree, workRequest(request, settings), {
    open: request.open ?? false,
    signal: request.signal,
  });
  const { model } = choice;
  const needs = model === undefined ? undefined : await readModel(tree, model, request.signal);
  const notebooks = await parseNotebooks(tree, choice);
  const without = new Set(request.without);
  const paths = tree.entries.map(({ path }) => path).filter((path) => !without.has(path));
  const configuration = chooseConfiguration(new Set(paths));
  const code = withModel(await readCode(tree, notebooks, request.signal), needs);
  const requirements = await readRequirements(tree, code, configuration, request.signal);
  if (model !== undefined && requirements.guessed && needs?.unclear !== undefined)
    throw unclearNeeds(model, needs.unclear);
  const lockFacts = await checkedLock(tree, code, configuration, paths, request.signal);
  const s2i = await readS2iEnvironment(tree);
  const at = (name: string): string =>
    configuration.folder === '' ? name : `${configuration.folder}/${name}`;
  const postBuild = tree.find(at('postBuild'))?.path;
  const ignoreFiles = [at('.dockerignore'), at('.containerignore'), '.s2iignore'];
  const filtered = await withoutIgnored(tree, ignoreFiles, new Set(choice.notebooks));
  const ignored = filtered.counts.map(({ file, files: count }): FileUse => ({
    path: file,
    use: 'adds',
    why: `keeps ${countOf(count, 'file')} out of the images`,
  }));
  const asked =
    request.python === ''
      ? { version: settings?.build?.python ?? '', from: 'galley.yaml' }
      : { version: request.python, from: 'build.python' };
  const { kind } = configuration.environment ?? {};
  const { python, files } = await choosePython(tree, {
    asked: asked.version === '' ? undefined : asked,
    folder: configuration.folder,
    said: requirements.python,
    ownPython: kind === 'conda' || kind === 'pipfile',
    supported: request.supportedPythons,
    modernise: request.modernise ?? settings?.build?.modernise ?? false,
  });
  return {
    notebooks,
    notebooksFrom: choice.from,
    model,
    python,
    requirements: {
      ...requirements,
      indexes: [...requirements.indexes, ...s2i.indexes],
      warnings: [...requirements.warnings, ...s2i.warnings],
    },
    tree: filtered.tree,
    systemPackages: await systemPackages(tree, at('apt.txt'), postBuild),
    postBuild,
    environment: s2i.values,
    folder: configuration.folder,
    lockFacts,
    files: [
      ...configuration.files,
      ...files,
      ...requirements.files,
      ...s2iUse(s2i),
      ...sampleUse(model),
      ...ignored,
    ],
    settings,
  };
}

/** What the application asks for, as far as it does, else the repository. */
function workRequest(request: RecipeRequest, settings: GalleyYaml | undefined): WorkRequest {
  const own = request.notebooks.length > 0 || request.strategy !== undefined || (request.model ?? '') !== '';
  const { notebooks, strategy, model } = own ? request : (settings?.build ?? {});
  return {
    ...(notebooks === undefined ? {} : { notebooks: [...notebooks] }),
    ...(strategy === undefined ? {} : { strategy }),
    ...(model === undefined ? {} : { model }),
  };
}

async function parseNotebooks(tree: SourceTree, { notebooks, model }: Work): Promise<readonly Notebook[]> {
  if (model !== undefined) return [{ path: model.path, cells: [] }];
  const parsed: Notebook[] = [];
  for (const path of notebooks) {
    const file = tree.find(path);
    if (file !== undefined)
      parsed.push((isScript(path) ? parseScript : parseNotebook)(path, await tree.read(file)));
  }
  return parsed;
}

/** The modules that a saved model names count as imports of a cell: those of the repository lead on to what they import. */
function withModel(code: Code, needs: ModelNeeds | undefined): Code {
  return needs === undefined ? code : { ...code, cells: [needs.read], known: needs.known };
}

function sampleUse(model: SavedModel | undefined): readonly FileUse[] {
  return model?.sample === undefined
    ? []
    : [{ path: model.sample, use: 'adds', why: 'rows for the references of the monitors' }];
}

/** Holds a lock of ours against what the repository asks for without it. Throws `LOCK_OUT_OF_DATE`. */
async function checkedLock(
  tree: SourceTree,
  code: Code,
  { environment }: Configuration,
  paths: readonly string[],
  signal: AbortSignal | undefined,
): Promise<LockFacts | undefined> {
  if (environment?.kind !== 'pylock') return undefined;
  const facts = readLockFacts((await readToml(tree, environment.path)) ?? {});
  if (facts === undefined) return undefined;
  const others = chooseConfiguration(new Set(paths.filter((path) => path !== environment.path)));
  const now = requirementLines(await readRequirements(tree, code, others, signal));
  const added = now.find((line) => !facts.requirements.includes(line));
  const removed = facts.requirements.find((line) => !now.includes(line));
  if (added === undefined && removed === undefined) return facts;
  const what =
    added === undefined
      ? `was written for ${removed}, which nothing asks for any more`
      : `was written before ${added} was asked for`;
  throw new GalleyError('LOCK_OUT_OF_DATE', `${environment.path} ${what}.`, {
    hint: 'Run galley lock and commit what it writes.',
    details: { lock: environment.path, ...(added === undefined ? { removed } : { added }) },
  });
}

/** What apt.txt asks for, and bash for a postBuild: most of them are written for it, and the base has only dash. */
async function systemPackages(
  tree: SourceTree,
  path: string,
  script: string | undefined,
): Promise<readonly string[]> {
  const names = await readAptTxt(tree, path);
  return script === undefined || names.includes('bash') ? names : [...names, 'bash'].sort();
}

function s2iUse({ values }: S2iEnvironment): readonly FileUse[] {
  const names = Object.keys(values);
  return names.length === 0
    ? []
    : [
        {
          path: s2iEnvironmentPath,
          use: 'adds',
          why: `variables of the run and the images: ${names.join(', ')}`,
        },
      ];
}
