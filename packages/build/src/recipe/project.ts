import { GalleyError } from '@galley/api/error/galley-error';
import type { SourceTree } from '../source/source-tree.ts';
import { nothingDeclared, type Declared, type PythonSaid } from './declared.ts';
import { poetryDependencies, poetryPython } from './file/poetry-dependencies.ts';
import { readToml, tableAt, textOf, textsOf, type Table } from './file/pyproject.ts';
import { readSetup } from './file/setup-py.ts';
import { normalName } from '@galley/image/wheel/metadata';
import { parseRequirement, type Requirement } from './requirement.ts';

/** A Python project in the repository, as its files say without being run. */
export interface Project {
  /** In the tree; `''`: the root. */
  readonly folder: string;
  /** The file that says so. */
  readonly file: string;
  /** Its own code is to be installed, as pip, poetry and uv would; false: only what it depends on. */
  readonly installs: boolean;
  readonly name: string | undefined;
  /** Undefined: computed by its build, so that only a build finds them. */
  readonly dependencies: readonly Requirement[] | undefined;
  readonly extras: Readonly<Record<string, readonly Requirement[]>>;
  readonly python: PythonSaid | undefined;
}

/**
 * The project of a folder; undefined when none is described there: a pyproject.toml may hold nothing but the settings of tools.
 * Throws `REQUIREMENTS_INVALID`.
 */
export async function readProject(
  tree: SourceTree,
  folder: string,
  signal?: AbortSignal,
): Promise<Project | undefined> {
  const at = (name: string): string => (folder === '' ? name : `${folder}/${name}`);
  const document = await readToml(tree, at('pyproject.toml'));
  const setup = await readSetup(tree, folder, signal);
  const poetry = tableAt(document, 'tool', 'poetry');
  const hasProject = document !== undefined && Object.hasOwn(document, 'project');
  const hasSystem = document !== undefined && Object.hasOwn(document, 'build-system');
  const context = { folder, file: at('pyproject.toml') };
  if (hasProject) return pep621(document, { ...context, installs: hasSystem || setup !== undefined });
  if (
    poetry['name'] !== undefined ||
    poetry['dependencies'] !== undefined ||
    poetry['package-mode'] === false
  )
    return poetryProject(poetry, { ...context, installs: hasSystem });
  if (setup === undefined) return undefined;
  const file = at(tree.find(at('setup.py')) === undefined ? 'setup.cfg' : 'setup.py');
  const parse = (line: string): Requirement => parseRequirement(line, file, [], folder);
  return {
    folder,
    file,
    // setup.cfg alone is for pip only when pyproject.toml names its build.
    installs: tree.find(at('setup.py')) !== undefined || hasSystem,
    name: setup.name,
    dependencies: setup.dependencies?.map(parse),
    extras: Object.fromEntries(Object.entries(setup.extras).map(([key, lines]) => [key, lines.map(parse)])),
    python: setup.python === undefined ? undefined : { range: setup.python, from: file },
  };
}

interface Context {
  readonly folder: string;
  readonly file: string;
  readonly installs: boolean;
}

function pep621(document: Table, { folder, file, installs }: Context): Project {
  const project = tableAt(document, 'project');
  const uv = tableAt(document, 'tool', 'uv');
  const poetry = tableAt(document, 'tool', 'poetry');
  const dynamic = textsOf(project['dynamic']);
  const parse = (line: string): Requirement => parseRequirement(line, file, [], folder);
  const lists = (name: string): Table => tableAt(project, name);
  const python = textOf(project['requires-python']) ?? poetryPython(poetry);
  const computed = dynamic.includes('dependencies');
  return {
    folder,
    file,
    installs:
      uv['package'] === true || (installs && uv['package'] !== false && poetry['package-mode'] !== false),
    name: textOf(project['name']),
    dependencies: computed ? fromPoetry(poetry, file) : textsOf(project['dependencies']).map(parse),
    extras: Object.fromEntries(
      Object.entries(lists('optional-dependencies')).map(([key, lines]) => [key, textsOf(lines).map(parse)]),
    ),
    python: python === undefined ? undefined : { range: python, from: file },
  };
}

/** `dynamic = ["dependencies"]` with poetry's own table is static all the same. */
function fromPoetry(poetry: Table, file: string): readonly Requirement[] | undefined {
  return poetry['dependencies'] === undefined ? undefined : poetryDependencies(poetry['dependencies'], file);
}

function poetryProject(poetry: Table, { folder, file, installs }: Context): Project {
  const python = poetryPython(poetry);
  return {
    folder,
    file,
    installs: installs && poetry['package-mode'] !== false,
    name: textOf(poetry['name']),
    dependencies: poetryDependencies(poetry['dependencies'] ?? {}, file),
    extras: {},
    python: python === undefined ? undefined : { range: python, from: file },
  };
}

/** The project at the root as what is to be installed: itself, or only what it depends on. Throws `REQUIREMENTS_INVALID`. */
export function declareProject(project: Project): Declared {
  const python = project.python === undefined ? {} : { python: project.python };
  if (project.installs)
    return { ...nothingDeclared, ...python, requirements: [projectRequirement(project, '.')] };
  if (project.dependencies === undefined) {
    throw new GalleyError(
      'REQUIREMENTS_INVALID',
      `${project.file} computes its dependencies, and names no build that could be asked for them.`,
      {
        hint: 'List them under [project] dependencies, or add [build-system].',
        details: { from: project.file },
      },
    );
  }
  return { ...nothingDeclared, ...python, requirements: project.dependencies };
}

function projectRequirement(project: Project, line: string): Requirement {
  return {
    ...parseRequirement(line, project.file, [], project.folder),
    name: normalName(project.name ?? ''),
  };
}
