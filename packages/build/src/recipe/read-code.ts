import type { SourceTree } from '../source/source-tree.ts';
import type { Notebook } from './notebook.ts';
import { readPythonSources, type ReadSource } from './read-cells.ts';

/** A cell or a module, as text and as it was parsed. */
export interface Read {
  /** `model.ipynb cell 3`, `package/module.py`. */
  readonly from: string;
  readonly text: string;
  readonly source: ReadSource;
}

/** The Python of a repository, parsed and not run. */
export interface Code {
  readonly notebooks: readonly Notebook[];
  readonly cells: readonly Read[];
  /** Python files of the repository that could be imported by name: at the root, and in packages. */
  readonly modules: readonly Read[];
  readonly standardLibrary: ReadonlySet<string>;
  /** What a saved model says of the modules that it names (`model/read-model.ts`). */
  readonly known?: ReadonlyMap<string, string>;
}

/** At most so many bytes of the repository's own modules are read for imports. */
const modulesLimit = 4 * 1024 * 1024;

/** Reads the notebooks that run and the repository's modules, all in one process. Throws as `readPythonSources`. */
export async function readCode(
  tree: SourceTree,
  notebooks: readonly Notebook[],
  signal?: AbortSignal,
): Promise<Code> {
  const cells = notebooks.flatMap(({ path, cells: own }) =>
    own.map(({ cell, source }) => ({ from: `${path} cell ${cell}`, text: source })),
  );
  const texts = [...cells, ...(await ownModules(tree))];
  const parsed = await readPythonSources(
    texts.map(({ text }) => text),
    signal,
  );
  const read = texts.map((text, index): Read => ({
    ...text,
    source: parsed.sources[index] ?? { imports: [], installs: [] },
  }));
  return {
    notebooks,
    cells: read.slice(0, cells.length),
    modules: read.slice(cells.length),
    standardLibrary: parsed.standardLibrary,
  };
}

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
