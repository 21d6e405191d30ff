import type { MonitorEvent } from '@galley/api/kind/monitor';
import { safeLine } from './safe-text.ts';
import { shorten } from './shorten.ts';

const words: Readonly<Record<string, string>> = {
  path: 'new path',
  fallback: 'fallback',
  category: 'new value',
  exception: 'exception',
};
const longest = 70;

/** The cells of a first sighting in a table: when, what, where in the source, and what is there. All of it is a replica's word. */
export function eventCells(
  event: MonitorEvent,
): readonly [when: string, what: string, where: string, there: string] {
  const when = safeLine(event.time.replace(/(:\d\d)\.\d+Z$/, '$1Z').replace('T', ' '));
  const what = words[event.kind] ?? safeLine(event.kind);
  return [when, what, placeOf(event), shorten(safeLine(tellingOf(event)), longest)];
}

/** The value that is new; of code its line; of a path what it decided, where its function decides anything. */
function tellingOf({ kind, value, source, decided }: MonitorEvent): string {
  if (kind === 'category') return JSON.stringify(value);
  if (kind === 'path' && decided !== undefined && decided !== '') return decided;
  return kind === 'exception' || source === undefined ? value : source.trim();
}

/** `flight-delay.ipynb cell 8 line 5, conditions()`; of a module its file; where there is no source the column or stream. */
export function placeOf(event: MonitorEvent): string {
  const file = event.notebook ?? event.file;
  if (file === undefined) return safeLine(event.stream.replace(/^input\//, ''));
  const cell = event.cell === undefined ? '' : ` cell ${event.cell}`;
  const line = event.line === undefined ? '' : ` line ${event.line}`;
  const inside = event.function === undefined ? '' : `, ${event.function}()`;
  return safeLine(`${file}${cell}${line}${inside}`);
}
