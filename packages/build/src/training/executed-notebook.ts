import type { Output } from '../workload/read-output.ts';
import { isObject } from '@galley/api/json-object';

/**
 * The executed notebook with its outputs; several become one, each under a heading with its name. Undefined: the run was ended before
 * it wrote one. What cannot be read is left out: it is for people and decides nothing.
 */
export async function executedNotebook(
  output: Output,
  notebooks: readonly string[],
): Promise<string | undefined> {
  const single = await output.text('executed.ipynb').catch(() => undefined);
  if (single !== undefined) return parse(single) === undefined ? undefined : single;
  const cells: unknown[] = [];
  let first: Readonly<Record<string, unknown>> | undefined;
  for (const name of notebooks) {
    const notebook = parse((await output.text(`executed/${name}`).catch(() => undefined)) ?? '');
    if (notebook === undefined || !Array.isArray(notebook['cells'])) continue;
    first ??= notebook;
    cells.push({ cell_type: 'markdown', id: `galley-${cells.length}`, metadata: {}, source: `# ${name}` });
    cells.push(...(notebook['cells'] as readonly unknown[]));
  }
  return first === undefined ? undefined : JSON.stringify({ ...first, cells });
}

function parse(text: string): Readonly<Record<string, unknown>> | undefined {
  try {
    const value: unknown = JSON.parse(text);
    return isObject(value) ? value : undefined;
  } catch {
    return undefined;
  }
}
