import { mkdtemp, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { BuildResult } from '@galley/build/build';
import type { ImageStore } from '@galley/image/store';

/** Files as a repository of their own below `root`; its folder. */
export async function layRepository(
  root: string,
  files: Readonly<Record<string, string | Buffer>>,
): Promise<string> {
  const folder = await mkdtemp(join(root, 'repo-'));
  for (const [path, content] of Object.entries(files)) await writeFile(join(folder, path), content);
  return folder;
}

/** A notebook of code cells. */
export function notebookOf(...sources: readonly string[]): string {
  const cells = sources.map((source, index) => ({
    cell_type: 'code',
    execution_count: null,
    id: `cell-${index + 1}`,
    metadata: {},
    outputs: [],
    source,
  }));
  return JSON.stringify({ cells, metadata: {}, nbformat: 4, nbformat_minor: 5 });
}

/** A cell of a stage that multiplies by the `factor` of its notebook. */
export const doubling = 'stage = lambda rows: [row["x"] * factor for row in rows]';

/** Notebooks that are one model, 2x + 1. The first makes a file that the second reads, and removes another. */
export const threeNotebooks = {
  'galley.yaml': 'build: {notebooks: [prepare.ipynb, double.ipynb, add.ipynb]}',
  'prepare.ipynb': notebookOf('open("factor.txt", "w").write("2")', 'import os; os.unlink("unwanted.txt")'),
  'double.ipynb': notebookOf('factor = int(open("factor.txt").read())', doubling),
  'add.ipynb': notebookOf(
    'stage = lambda numbers: [number + 1 for number in numbers]',
    'example = [{"x": 20}]',
  ),
  'unwanted.txt': '',
};

async function blob<Value>(store: ImageStore, digest: BuildResult['model']): Promise<Value> {
  return JSON.parse(await readFile(store.blobPath(digest), 'utf8')) as Value;
}

/** The first golden request and its answer. */
export async function goldenOf(
  store: ImageStore,
  result: BuildResult,
): Promise<{ readonly rows: unknown; readonly predictions: unknown }> {
  const golden = await blob<{ requests: readonly { rows: unknown; predictions: unknown }[] }>(
    store,
    result.golden,
  );
  const [first] = golden.requests;
  if (first === undefined) throw new Error('the build has no golden answer');
  return first;
}

/** The notebooks of which a cell really ran. */
export async function ranOf(store: ImageStore, result: BuildResult): Promise<ReadonlySet<string>> {
  const lines = await blob<readonly { notebook: string; state: string; reused?: boolean }[]>(
    store,
    result.report,
  );
  return new Set(
    lines.flatMap(({ notebook, state, reused }) => (state === 'done' && reused !== true ? [notebook] : [])),
  );
}
