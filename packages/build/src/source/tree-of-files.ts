import type { SourceTree } from './source-tree.ts';
import { TreeBuilder } from './tree-builder.ts';

/** A source from texts by path, as tests of what reads sources need it. `spool` takes large files. */
export async function treeOfFiles(
  files: Readonly<Record<string, string | Buffer>>,
  spool: string,
): Promise<SourceTree> {
  const builder = new TreeBuilder(spool);
  for (const [path, content] of Object.entries(files))
    await builder.addFile(path, false, Buffer.from(content));
  return builder.finish({ origin: 'test', ignoredBy: () => Promise.resolve(undefined) });
}

/** YAML of a few lines that would become a billion items. */
export const manyAliases = [
  'a0: &a0 [x]',
  ...Array.from(
    { length: 9 },
    (_, index) => `a${index + 1}: &a${index + 1} [${Array(10).fill(`*a${index}`).join(', ')}]`,
  ),
].join('\n');

/** A notebook of the given code cells. */
export function notebookText(...cells: readonly string[]): string {
  return JSON.stringify({
    nbformat: 4,
    metadata: {},
    cells: [
      { cell_type: 'markdown', source: 'x' },
      ...cells.map((source) => ({ cell_type: 'code', source: [source] })),
    ],
  });
}
