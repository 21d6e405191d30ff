import { stripVTControlCharacters } from 'node:util';

/**
 * Columns as wide as their longest cell, two spaces apart; numbers (`align: 'right'`) flush right. No lines: they copy badly. A line break in
 * a cell becomes a space: names of others must not begin a row.
 */
export function table(
  header: readonly string[],
  rows: readonly (readonly string[])[],
  align: readonly ('left' | 'right')[] = [],
): string {
  const all = [header, ...rows].map((cells) => cells.map((cell) => cell.replace(/[\r\n\t]+/g, ' ')));
  const widths = header.map((_, column) => Math.max(...all.map((row) => width(row[column] ?? ''))));
  return all
    .map((row) =>
      header
        .map((_, column) => {
          const cell = row[column] ?? '';
          const space = ' '.repeat(Math.max(0, (widths[column] ?? 0) - width(cell)));
          return align[column] === 'right' ? space + cell : cell + space;
        })
        .join('  ')
        .trimEnd(),
    )
    .join('\n');
}

function width(text: string): number {
  return Array.from(stripVTControlCharacters(text)).length;
}
