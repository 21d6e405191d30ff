import { GalleyError } from '@galley/api/error/galley-error';

/** A body of `/invocations`. */
export interface RowsBody {
  readonly body: string | Uint8Array<ArrayBuffer>;
  readonly contentType: 'application/json' | 'text/csv';
}

/** What a person typed after `--json`: one row or a list of rows. Throws `USAGE`. */
export function rowsOfText(text: string): RowsBody {
  return json(text, '--json');
}

/**
 * A file by its name: CSV goes as it is, since the service decides what its cells mean and says which of them is wrong; JSON Lines
 * becomes a list. Throws `USAGE` with the line that is no JSON or no UTF-8.
 */
export function rowsOfFile(path: string, bytes: Uint8Array<ArrayBuffer>): RowsBody {
  if (/\.csv$/i.test(path)) return { body: bytes, contentType: 'text/csv' };
  const text = decode(path, bytes);
  return /\.jsonl$/i.test(path) ? json(listOfLines(path, text), path) : json(text, path);
}

/** Replacing what is no UTF-8, as Node does by default, would have other rows scored than those of the file. */
function decode(path: string, bytes: Uint8Array): string {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch (cause) {
    throw new GalleyError('USAGE', `${path} is not UTF-8.`, { hint: 'Save it as UTF-8.', cause });
  }
}

function listOfLines(path: string, text: string): string {
  const rows: string[] = [];
  for (const [index, line] of text.split(/\r?\n/).entries()) {
    if (line.trim() === '') continue;
    parse(line, `Line ${index + 1} of ${path} is no JSON.`);
    rows.push(line);
  }
  return `[${rows.join(',')}]`;
}

/** The text itself is sent, not what JavaScript made of it: it would round whole numbers beyond 2^53. Objects are records, anything else an instance. */
function json(text: string, from: string): RowsBody {
  const value = parse(text, `The rows of ${from} are no JSON.`);
  const rows: readonly unknown[] = Array.isArray(value) ? value : [value];
  const records = rows.every((row) => typeof row === 'object' && row !== null && !Array.isArray(row));
  const list = Array.isArray(value) ? text : `[${text}]`;
  return {
    body: `{${records ? '"dataframe_records"' : '"instances"'}:${list}}`,
    contentType: 'application/json',
  };
}

function parse(text: string, problem: string): unknown {
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw new GalleyError('USAGE', problem, {
      hint: 'A row looks like {"column": 1.5, "other": "text"}; several are a list of them. A missing number is null.',
      cause,
    });
  }
}
