import { GalleyError } from '@galley/api/error/galley-error';

/** A code cell as a person counts it. */
export interface NotebookCell {
  /** Code cells from 1, as `In [3]` does. */
  readonly cell: number;
  readonly source: string;
}

export interface Notebook {
  readonly path: string;
  readonly cells: readonly NotebookCell[];
  /** Of a script: its inline metadata (PEP 723), TOML. */
  readonly inline?: string | undefined;
}

/**
 * The code cells of a notebook file. Formats 3 and 4 are read; what else the file holds is the runtime's to check.
 * Throws `NOTEBOOK_INVALID` for broken JSON, another format, or a kernel that is not Python.
 */
export function parseNotebook(path: string, bytes: Buffer): Notebook {
  let value: unknown;
  try {
    value = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes));
  } catch (cause) {
    const marks = /^(?:<{7}|={7}|>{7})/m.test(bytes.toString('utf8'));
    throw invalid(path, marks ? 'holds the marks of an unresolved merge' : 'is not valid JSON', cause);
  }
  if (!isRecord(value)) throw invalid(path, 'is not a notebook');
  const language = languageOf(value);
  if (language !== undefined && !/^(?:i?python)/i.test(language))
    throw invalid(path, `is written in ${language}, not in Python`);
  const cells = cellsOf(value);
  if (cells === undefined) throw invalid(path, 'has no cells');
  let count = 0;
  const code: NotebookCell[] = [];
  for (const cell of cells) {
    if (!isRecord(cell)) throw invalid(path, 'holds a cell that is no object');
    if (cell['cell_type'] !== 'code') continue;
    count += 1;
    const source = textOf(cell['source'] ?? cell['input']);
    if (source === undefined) throw invalid(path, `holds a code cell without source, number ${count}`);
    code.push({ cell: count, source });
  }
  return { path, cells: code };
}

function cellsOf(notebook: Record<string, unknown>): readonly unknown[] | undefined {
  if (Array.isArray(notebook['cells'])) return notebook['cells'];
  const sheets = notebook['worksheets']; // nbformat 3
  if (!Array.isArray(sheets)) return undefined;
  return sheets.flatMap((sheet: unknown) =>
    isRecord(sheet) && Array.isArray(sheet['cells']) ? (sheet['cells'] as unknown[]) : [],
  );
}

function languageOf(notebook: Record<string, unknown>): string | undefined {
  const metadata = isRecord(notebook['metadata']) ? notebook['metadata'] : {};
  const info = isRecord(metadata['language_info']) ? metadata['language_info']['name'] : undefined;
  const kernel = isRecord(metadata['kernelspec']) ? metadata['kernelspec']['language'] : undefined;
  const name = info ?? kernel;
  return typeof name === 'string' ? name : undefined;
}

function textOf(source: unknown): string | undefined {
  if (typeof source === 'string') return source;
  if (Array.isArray(source) && source.every((line) => typeof line === 'string')) return source.join('');
  return undefined;
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function invalid(path: string, what: string, cause?: unknown): GalleyError {
  return new GalleyError('NOTEBOOK_INVALID', `${path} ${what}.`, {
    hint: 'Open it in Jupyter, correct it, save it and build again.',
    details: { notebook: path },
    ...(cause === undefined ? {} : { cause }),
  });
}
