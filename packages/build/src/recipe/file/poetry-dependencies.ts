import { GalleyError } from '@galley/api/error/galley-error';
import { redactUrl } from '../../source/git/address.ts';
import { parseRequirement, type Requirement } from '../requirement.ts';
import { isTable, tableAt, textOf, textsOf, type Table } from './pyproject.ts';

/**
 * poetry's table of dependencies as requirements. `python` itself and what is optional are left out, as `poetry install` does.
 * Throws `REQUIREMENTS_INVALID`.
 */
export function poetryDependencies(table: unknown, file: string): readonly Requirement[] {
  if (!isTable(table)) return [];
  return Object.entries(table).flatMap(([name, value]) => {
    if (name === 'python') return [];
    // A list: one of several, by marker.
    const entries = Array.isArray(value) ? (value as readonly unknown[]) : [value];
    return entries.flatMap((entry) => dependency(name, entry, file) ?? []);
  });
}

/** What poetry's table says of Python, in PEP 440's words. */
export function poetryPython(poetry: Table): string | undefined {
  const said = textOf(tableAt(poetry, 'dependencies')['python']);
  return said === undefined || said === '*' ? undefined : pep440(said, 'pyproject.toml');
}

function dependency(name: string, value: unknown, file: string): Requirement | undefined {
  const from = `${file}, ${name}`;
  if (typeof value === 'string') return parseRequirement(`${name}${pep440(value, from)}`, from);
  if (!isTable(value)) throw invalid(from, JSON.stringify(value));
  if (value['optional'] === true) return undefined;
  const extras = textsOf(value['extras']);
  const named = `${name}${extras.length === 0 ? '' : `[${extras.join(',')}]`}`;
  const marker = markerOf(value, from);
  const target = targetOf(value, from);
  if (target !== undefined)
    return parseRequirement(`${named} @ ${target}${marker === '' ? '' : ` ; ${marker}`}`, from);
  const version = textOf(value['version']) ?? '*';
  return parseRequirement(`${named}${pep440(version, from)}${marker === '' ? '' : `; ${marker}`}`, from);
}

function targetOf(value: Table, from: string): string | undefined {
  const path = textOf(value['path']) ?? textOf(value['file']);
  if (path !== undefined) return /^\.{0,2}\//.test(path) ? path : `./${path}`;
  if (textOf(value['url']) !== undefined) return textOf(value['url']);
  const git = textOf(value['git']);
  if (git === undefined) return undefined;
  const ref = textOf(value['rev']) ?? textOf(value['tag']) ?? textOf(value['branch']) ?? textOf(value['ref']);
  const folder = textOf(value['subdirectory']);
  if (!git.startsWith('https://')) throw invalid(from, redactUrl(git));
  return `git+${git}${ref === undefined ? '' : `@${ref}`}${folder === undefined ? '' : `#subdirectory=${folder}`}`;
}

function markerOf(value: Table, from: string): string {
  const python = textOf(value['python']);
  const parts = [
    textOf(value['markers']),
    python === undefined || python === '*' ? undefined : pythonMarker(pep440(python, from)),
    textOf(value['platform']) === undefined ? undefined : `sys_platform == '${textOf(value['platform'])}'`,
  ].filter((part) => part !== undefined);
  return parts.length < 2 ? (parts[0] ?? '') : parts.map((part) => `(${part})`).join(' and ');
}

function pythonMarker(range: string): string {
  const clauses = range.split(',').map((clause) => {
    const [, operator = '==', version = ''] = /^\s*([<>=!~]+)\s*(.+?)\s*$/.exec(clause) ?? [];
    return `python_version ${operator} '${version}'`;
  });
  return clauses.join(' and ');
}

/**
 * poetry's ways of writing versions (`^1.2`, `~1.2`, `1.2.*`, `1.2`, `>=1,<2`, `*`) as PEP 440's. Alternatives (`||`) have no
 * counterpart. Throws `REQUIREMENTS_INVALID`.
 */
export function pep440(text: string, from: string): string {
  if (text.includes('|')) throw invalid(from, text);
  return text
    .split(',')
    .map((clause) => clause.trim())
    .filter((clause) => clause !== '' && clause !== '*')
    .map((clause) => clauseOf(clause, from))
    .join(',');
}

function clauseOf(clause: string, from: string): string {
  const [, operator = '', version = ''] =
    /^(\^|~=|~|>=|<=|===?|!=|>|<|=)?\s*v?([A-Za-z0-9.*+!-]+)$/.exec(clause) ?? [];
  if (version === '') throw invalid(from, clause);
  const numbers = (/^\d+(?:\.\d+)*/.exec(version)?.[0] ?? '').split('.').map(Number);
  if (operator === '^') {
    // The first number that is not zero may not change.
    const first = numbers.findIndex((number) => number !== 0);
    const at = first < 0 ? numbers.length - 1 : first;
    return `>=${version},<${next(numbers, at)}`;
  }
  if (operator === '~') return `>=${version},<${next(numbers, Math.min(1, numbers.length - 1))}`;
  if (operator === '' || operator === '=') return `==${version}`;
  return `${operator}${version}`;
}

function next(numbers: readonly number[], at: number): string {
  return [...numbers.slice(0, at), (numbers[at] ?? 0) + 1].join('.') + (at === 0 ? '.0' : '');
}

function invalid(from: string, what: string): GalleyError {
  return new GalleyError(
    'REQUIREMENTS_INVALID',
    `${from} asks for ${what}, which cannot be put to the resolver.`,
    {
      hint: 'Write one range of versions: >=1.2,<2',
      details: { from },
    },
  );
}
