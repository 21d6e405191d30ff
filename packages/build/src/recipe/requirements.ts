import { GalleyError } from '@galley/api/error/galley-error';
import type { SourceTree } from '../source/source-tree.ts';
import type { Configuration, FileUse } from './configuration.ts';
import { distributionOf } from './distribution-names.ts';
import { mergeDeclared, nothingDeclared, type Declared } from './declared.ts';
import { readEnvironmentYml } from './file/environment-yml.ts';
import { readPipfile } from './file/pipfile.ts';
import { readPoetryLock } from './file/poetry-lock.ts';
import { readPylock } from './file/pylock-toml.ts';
import { readToml } from './file/pyproject.ts';
import { readRequirementsTxt } from './file/requirements-txt.ts';
import { readUvLock } from './file/uv-lock.ts';
import { foreignImports, guessRequirements, reachedSources } from './guess-requirements.ts';
import { readNotebookRequirements } from './notebook-requirements.ts';
import { declareProject, readProject } from './project.ts';
import type { Code } from './read-code.ts';
import { normalName } from '@galley/image/wheel/metadata';
import { pinOf, type Requirement } from './requirement.ts';
import { readScriptMetadata } from './script-metadata.ts';

export interface Requirements extends Declared {
  /** Nothing was declared: the packages were guessed from the imports. */
  readonly guessed: boolean;
  /** Modules that the notebooks and the modules of the repository import, without the standard library and the repository's own. */
  readonly imports: readonly string[];
  /** What became of single requirements that another one overrules. */
  readonly files: readonly FileUse[];
}

/**
 * Everything that a repository asks to be installed: what its files say by their tools' own precedence, with the `requirements` and
 * `%pip install` lines of its notebooks on top; when it says nothing at all, what it imports. Throws `REQUIREMENTS_INVALID`,
 * `LOCK_OUT_OF_DATE`, `CONDA_PACKAGE_UNKNOWN`.
 */
export async function readRequirements(
  tree: SourceTree,
  code: Code,
  configuration: Configuration,
  signal?: AbortSignal,
): Promise<Requirements> {
  const fromNotebook = mergeDeclared([
    await readNotebookRequirements(tree, code.cells),
    readScriptMetadata(code.notebooks),
  ]);
  const fromFiles = await readFiles(tree, configuration, signal);
  const overruled = overrule(fromFiles, fromNotebook);
  const reached = reachedSources(code.cells, code.modules);
  const imports = foreignImports(tree, reached, code.standardLibrary);
  const declared = withImported(mergeDeclared([fromNotebook, overruled.declared]), imports);
  refuseDirectConstraint(declared);
  const unparsed = code.cells.flatMap(({ from, source }) =>
    source.error === undefined ? [] : [`${from} could not be parsed here: ${source.error}`],
  );
  // A file that describes an environment of nothing says so: the tool that owns it installs nothing.
  const guessed = declared.requirements.length === 0 && configuration.environment === undefined;
  return {
    ...declared,
    requirements: distinct(guessed ? guessRequirements(imports, reached, code.known) : declared.requirements),
    guessed,
    imports: [...imports.keys()],
    files: overruled.files,
    warnings: [...declared.warnings, ...unparsed],
  };
}

/** What the file that decides says, and the project beside it. */
async function readFiles(
  tree: SourceTree,
  { environment, project }: Configuration,
  signal: AbortSignal | undefined,
): Promise<Declared> {
  if (environment === undefined || environment.kind === 'requirements') {
    const file =
      environment === undefined ? nothingDeclared : await readRequirementsTxt(tree, environment.path);
    const found = project === undefined ? undefined : await readProject(tree, '', signal);
    return mergeDeclared([file, found === undefined ? nothingDeclared : declareProject(found)]);
  }
  switch (environment.kind) {
    case 'pylock':
      return readPylock(tree, environment.path);
    case 'conda':
      return readEnvironmentYml(tree, environment.path);
    case 'pipfile':
      return readPipfile(tree, environment.path);
    case 'uv':
      return readUvLock(tree, environment.path, signal);
    case 'poetry': {
      const root = await readProject(tree, '', signal);
      return readPoetryLock(tree, environment.path, {
        document: await readToml(tree, 'pyproject.toml'),
        root,
        declared: root === undefined ? nothingDeclared : declareProject(root),
      });
    }
  }
}

/** `%pip install` runs after the environment is made: where both fix a version, pip would replace the file's by the cell's. */
function overrule(file: Declared, notebook: Declared): { declared: Declared; files: readonly FileUse[] } {
  const pins = new Map(
    notebook.requirements.flatMap((requirement) => {
      const pin = pinOf(requirement);
      return pin === undefined ? [] : [[requirement.name, { pin, from: requirement.from }] as const];
    }),
  );
  const files: FileUse[] = [];
  const keep = (requirement: Requirement): boolean => {
    const own = pinOf(requirement);
    const other = pins.get(requirement.name);
    if (own === undefined || other === undefined || own === other.pin) return true;
    files.push({
      path: requirement.from,
      use: 'passed over',
      why: `${other.from} installs ${requirement.name} ${other.pin} in place of ${own}`,
    });
    return false;
  };
  const declared = {
    ...file,
    requirements: file.requirements.filter(keep),
    running: file.running.filter(keep),
    constraints: file.constraints.filter(keep),
  };
  return { declared, files };
}

/** What the notebook imports, the model may well need: it is served, although its group is one for development. */
function withImported(declared: Declared, imports: ReadonlyMap<string, string>): Declared {
  const imported = new Set([...imports.keys()].map((module) => normalName(distributionOf(module))));
  const isImported = ({ name }: Requirement): boolean => imported.has(name);
  return {
    ...declared,
    requirements: [...declared.requirements, ...declared.running.filter(isImported)],
    running: declared.running.filter((requirement) => !isImported(requirement)),
  };
}

/** The resolver would fetch it on this machine, past the checks of what a repository may lead it to (builders.md §8.8). */
function refuseDirectConstraint({ constraints }: Declared): void {
  const direct = constraints.find((constraint) => constraint.direct !== undefined);
  if (direct === undefined) return;
  throw new GalleyError(
    'REQUIREMENTS_INVALID',
    `${direct.from} says where a package comes from, and a constraint may only say which versions.`,
    {
      hint: 'Write its versions there, and where it comes from into requirements.txt.',
      details: { from: direct.from },
    },
  );
}

/** A project that two files ask for is installed once. */
function distinct(requirements: readonly Requirement[]): readonly Requirement[] {
  const seen = new Set<string>();
  return requirements.filter(({ direct }) => {
    if (direct?.source.kind !== 'project' || direct.extras !== '') return true;
    const known = seen.has(direct.source.path);
    seen.add(direct.source.path);
    return !known;
  });
}
