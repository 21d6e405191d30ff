import type { PathFunction, PathOfFunction } from '@galley/api/http/messages';
import { countOf } from '@galley/api/kind/count';
import type { Coverage } from '@galley/api/kind/monitor';
import { safeLine } from './safe-text.ts';
import { percent } from './share.ts';
import { shorten } from './shorten.ts';
import { table } from './table.ts';

/** Paths of a function that are listed; `-o json` has all. */
const pathsShown = 20;

const limits =
  'Not counted: what happens inside an estimator (leaves of its trees, imputed values), in packages, and in threads that a request starts.';

/** `galley monitor NAME paths` for people. */
export function describePaths(
  name: string,
  functions: readonly PathFunction[],
  coverage: Coverage | null,
): string {
  if (coverage === null) {
    return `There is no reference for the paths of ${name}: there was no sample when it was built, or nothing serves yet.\nNext: galley monitor ${name}`;
  }
  const called = functions.filter(({ requests, referenceRequests }) => requests + referenceRequests > 0);
  const idle = functions.filter((each) => !called.includes(each));
  const blocks = called.map(describeFunction);
  if (functions.length === 0)
    blocks.push(
      'No function of the notebook or the repository is profiled: the model is an estimator or a package’s.',
    );
  if (idle.length > 0)
    blocks.push(`Never called: ${idle.map((each) => `${safeLine(each.name)}()`).join(', ')}`);
  blocks.push([...coverageLines(coverage), limits].join('\n'));
  return blocks.join('\n\n');
}

function describeFunction(one: PathFunction): string {
  const where = one.file ?? `${one.notebook ?? 'unknown'}${one.cell === null ? '' : ` cell ${one.cell}`}`;
  const title = `${safeLine(one.name)}() in ${safeLine(where)}: ${countOf(one.requests, 'request')}, reference ${one.referenceRequests.toLocaleString('en-US')}`;
  const taken = one.paths.filter(({ now, reference }) => now + reference > 0);
  const first = taken.find(({ decisions }) => decisions.length > 0);
  const rows = taken
    .slice(0, pathsShown)
    .map((path) => [
      `  ${safeLine(path.path)}`,
      percent(path.reference),
      percent(path.now),
      describePath(path, first, one.rare.length),
    ]);
  const rest = taken.length - rows.length;
  const more = rest > 0 ? [`  and ${countOf(rest, 'more path')} (-o json)`] : [];
  const rare = one.rare
    .slice(0, 3)
    .map((path) => `  rare, counted as unseen: ${describePath(path, first, 0)}`);
  return [
    title,
    table(['  PATH', 'REFERENCE', 'NOW', 'DECIDED'], rows, ['left', 'right', 'right']),
    ...more,
    ...rare,
  ].join('\n');
}

/** The first path with all that it decides, each other one with what it decides differently; without decisions its lines. */
function describePath(path: PathOfFunction, first: PathOfFunction | undefined, rare: number): string {
  const mark = path.fallback ? 'fallback; ' : '';
  if (path.path === 'exception') return 'ended by an exception';
  if (path.path === 'unseen')
    return rare > 0 ? `new ones, and ${countOf(rare, 'path')} that the reference took rarely` : 'new ones';
  const said = new Set(first === path ? [] : (first?.decisions ?? []).map(textOf));
  const own = path.decisions.map(textOf).filter((text) => !said.has(text));
  if (own.length > 0) return safeLine(mark + own.join(', '));
  return `${mark}lines ${ranges(path.lines)}`;
}

function textOf({ line, question, answer }: PathOfFunction['decisions'][number]): string {
  return `${line}: ${shorten(question, 40)} → ${answer}`;
}

/** `3–5 7`: lines that follow each other as one range. */
function ranges(lines: readonly number[]): string {
  const parts: [number, number][] = [];
  for (const line of lines) {
    const last = parts.at(-1);
    if (last !== undefined && line === last[1] + 1) last[1] = line;
    else parts.push([line, line]);
  }
  return parts.map(([from, to]) => (from === to ? String(from) : `${from}–${to}`)).join(' ');
}

function coverageLines({ lines, linesSeen, functions, skipped }: Coverage): readonly string[] {
  const skips = skipped.map(({ name, reason }) => `Not profiled: ${safeLine(name)}: ${safeLine(reason)}`);
  if (functions === 0) return skips;
  return [
    `The reference ran ${linesSeen} of ${countOf(lines, 'line')} of ${countOf(functions, 'function')}.`,
    ...skips,
  ];
}
