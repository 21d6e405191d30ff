import type { BenchRow } from '../row.ts';
import { reached } from './reached.ts';

const begin = '<!-- bench:begin -->';
const end = '<!-- bench:end -->';

/** The rows as a table of Markdown, with the facts of the machine above it. */
export function markdownTable(rows: readonly BenchRow[], machine: string): string {
  const cells = rows.map((row) => [
    row.what,
    row.ours,
    row.peer,
    row.ratio,
    row.target,
    verdict(row),
    row.note ?? '',
  ]);
  const lines = [
    ['what', 'ours', 'peer', 'ratio', 'to reach', 'reached', 'note'],
    Array<string>(7).fill('---'),
    ...cells,
  ];
  const table = lines
    .map((line) => `| ${line.map((cell) => cell.replaceAll('|', '\\|')).join(' | ')} |`)
    .join('\n');
  return `${machine}\n\n${table}`;
}

/** `page` with the part between its markers replaced. @throws when the markers are not there, each once and in order */
export function withTable(page: string, table: string): string {
  const [before, rest, tooMany] = page.split(begin);
  const [, after, alsoTooMany] = rest?.split(end) ?? [];
  if (before === undefined || after === undefined || tooMany !== undefined || alsoTooMany !== undefined) {
    throw new Error(`the page needs ${begin} and ${end}, each once, in this order`);
  }
  return `${before}${begin}\n${table}\n${end}${after}`;
}

function verdict(row: BenchRow): string {
  const held = reached(row);
  if (held === undefined) return '?';
  return held ? 'yes' : '**no**';
}
