import { GalleyError } from '@galley/api/error/galley-error';
import type { SourceTree } from '../source/source-tree.ts';
import { companionsOf, distributionOf } from './distribution-names.ts';
import type { Notebook } from './notebook.ts';
import { readPyproject } from './python-version.ts';
import { readPythonSources, type ReadSource } from './read-cells.ts';
import { parseRequirement, parseRequirementsCell, type Requirement } from './requirement.ts';
import { readRequirementsFile } from './requirements-file.ts';

export interface Requirements {
  readonly requirements: readonly Requirement[];
  readonly constraints: readonly Requirement[];
  readonly prerelease: boolean;
  /** Nothing was declared: the packages were guessed from the imports. */
  readonly guessed: boolean;
  /** Modules that the notebooks and the modules of the repository import, without the standard library and the repository's own. */
  readonly imports: readonly string[];
  readonly warnings: readonly string[];
}

interface Read {
  readonly from: string;
  readonly text: string;
  readonly source: ReadSource;
}

/** At most so many bytes of the repository's own modules are read for imports. */
const modulesLimit = 4 * 1024 * 1024;

/**
 * Everything that a repository asks to be installed: `requirements` and `%pip install` lines of its notebooks, requirements.txt,
 * the dependencies of pyproject.toml; when it says nothing at all, what it imports. Throws `REQUIREMENTS_INVALID`, `NOTEBOOK_INVALID`.
 */
export async function readRequirements(
  tree: SourceTree,
  notebooks: readonly Notebook[],
  signal?: AbortSignal,
): Promise<Requirements> {
  const cells = notebooks.flatMap(({ path, cells: own }) =>
    own.map(({ cell, source }) => ({ from: `${path} cell ${cell}`, text: source })),
  );
  const modules = await ownModules(tree);
  const parsed = await readPythonSources(
    [...cells, ...modules].map(({ text }) => text),
    signal,
  );
  const read = (index: number): ReadSource => parsed.sources[index] ?? { imports: [], installs: [] };
  const readCells = cells.map((cell, index): Read => ({ ...cell, source: read(index) }));
  const readModules = modules.map((module, index): Read => ({
    ...module,
    source: read(cells.length + index),
  }));
  const declared = await declaredRequirements(tree, readCells);
  const reached = reachedSources(readCells, readModules);
  const imports = foreignImports(tree, reached, parsed.standardLibrary);
  const warnings = readCells.flatMap(({ from, source }) =>
    source.error === undefined ? [] : [`${from} could not be parsed here: ${source.error}`],
  );
  const guessed = declared.requirements.length === 0;
  return {
    ...declared,
    requirements: guessed ? guess(imports, reached) : declared.requirements,
    guessed,
    imports: [...imports.keys()],
    warnings,
  };
}

async function declaredRequirements(
  tree: SourceTree,
  cells: readonly Read[],
): Promise<Pick<Requirements, 'requirements' | 'constraints' | 'prerelease'>> {
  const requirements: Requirement[] = [];
  const constraints: Requirement[] = [];
  let prerelease = false;
  const files = new Set(tree.find('requirements.txt') === undefined ? [] : ['requirements.txt']);
  for (const { from, source } of cells) {
    if (source.requirementsError !== undefined) {
      throw new GalleyError(
        'REQUIREMENTS_INVALID',
        `${from} binds requirements to something that only running it would tell.`,
        {
          hint: 'Write it out: requirements = [["pandas", "2.3.3"]]',
          details: { from, why: source.requirementsError },
        },
      );
    }
    if (source.bound === true) requirements.push(...parseRequirementsCell(source.requirements, from));
    for (const install of source.installs) {
      const wanted = readInstall(install, from);
      requirements.push(...wanted.requirements);
      wanted.files.forEach((file) => files.add(file));
      prerelease ||= wanted.prerelease;
    }
  }
  for (const path of files) {
    const file = await readRequirementsFile(tree, path);
    requirements.push(...file.requirements);
    constraints.push(...file.constraints);
    prerelease ||= file.prerelease;
  }
  requirements.push(...(await pyprojectRequirements(tree)));
  return { requirements, constraints, prerelease };
}

/** The arguments of a `%pip install` line. */
function readInstall(
  args: string,
  from: string,
): { requirements: readonly Requirement[]; files: readonly string[]; prerelease: boolean } {
  const words = args.replace(/(^|\s)#.*$/, '').match(/"[^"]*"|'[^']*'|[^\s"']+/g) ?? [];
  const requirements: Requirement[] = [];
  const files: string[] = [];
  let prerelease = false;
  for (let index = 0; index < words.length; index += 1) {
    const word = (words[index] ?? '').replace(/^["']|["']$/g, '');
    if (word === '-r' || word === '--requirement') {
      index += 1;
      files.push((words[index] ?? '').replace(/^\.\//, ''));
    } else if (word === '--pre') {
      prerelease = true;
    } else if (
      /^(?:-[qUv]+|--(?:quiet|upgrade|user|no-cache-dir|disable-pip-version-check|force-reinstall))$/.test(
        word,
      )
    ) {
      continue;
    } else if (word.startsWith('-')) {
      throw new GalleyError(
        'REQUIREMENTS_INVALID',
        `${from} installs with ${word}, which cannot be locked.`,
        {
          hint: 'Give names and versions only: %pip install pandas==2.3.3',
          details: { from, option: word },
        },
      );
    } else {
      requirements.push(parseRequirement(word, from));
    }
  }
  return { requirements, files, prerelease };
}

async function pyprojectRequirements(tree: SourceTree): Promise<readonly Requirement[]> {
  const project = (await readPyproject(tree))?.['project'];
  const dependencies =
    typeof project === 'object' ? (project as Record<string, unknown>)['dependencies'] : undefined;
  if (!Array.isArray(dependencies)) return [];
  return dependencies.map((line) => parseRequirement(String(line), 'pyproject.toml'));
}

/** Python files of the repository that could be imported by name: at the root, and in packages. */
async function ownModules(tree: SourceTree): Promise<readonly { from: string; text: string }[]> {
  const modules: { from: string; text: string }[] = [];
  let bytes = 0;
  for (const entry of tree.entries) {
    if (entry.kind !== 'file' || !entry.path.endsWith('.py')) continue;
    bytes += entry.size;
    if (bytes > modulesLimit) break;
    modules.push({ from: entry.path, text: (await tree.read(entry)).toString('utf8') });
  }
  return modules;
}

/** The cells and those modules that they import, directly or by way of each other. */
function reachedSources(cells: readonly Read[], modules: readonly Read[]): readonly Read[] {
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
function foreignImports(
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

function guess(imports: ReadonlyMap<string, string>, sources: readonly Read[]): readonly Requirement[] {
  const guesses = new Map<string, Requirement>();
  for (const [module, from] of imports) {
    const requirement = parseRequirement(distributionOf(module), `import ${module} in ${from}`);
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
