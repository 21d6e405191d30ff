import { GalleyError } from '@galley/api/error/galley-error';
import { parse as parseToml } from 'smol-toml';
import type { SourceTree } from '../../source/source-tree.ts';

/** A table of a TOML document. */
export type Table = Readonly<Record<string, unknown>>;

/** A TOML file of the source as plain data; undefined when there is none. Throws `REQUIREMENTS_INVALID` when it is not TOML. */
export async function readToml(tree: SourceTree, path: string): Promise<Table | undefined> {
  const file = tree.find(path);
  if (file === undefined) return undefined;
  try {
    return parseToml((await tree.read(file, 16 * 1024 * 1024)).toString('utf8'));
  } catch (cause) {
    throw new GalleyError('REQUIREMENTS_INVALID', `${path} cannot be read.`, {
      hint: 'Correct it where the cause points to.',
      details: { from: path },
      cause,
    });
  }
}

/** The table at a path of keys; empty when it is not there or no table. */
export function tableAt(document: Table | undefined, ...keys: readonly string[]): Table {
  let value: unknown = document ?? {};
  for (const key of keys) value = isTable(value) && Object.hasOwn(value, key) ? value[key] : undefined;
  return isTable(value) ? value : {};
}

export function isTable(value: unknown): value is Table {
  return typeof value === 'object' && value !== null && !Array.isArray(value) && !(value instanceof Date);
}

/** The texts of a list; other items are left out. */
export function textsOf(value: unknown): readonly string[] {
  return Array.isArray(value) ? value.filter((item): item is string => typeof item === 'string') : [];
}

export function textOf(value: unknown): string | undefined {
  return typeof value === 'string' && value.trim() !== '' ? value : undefined;
}
