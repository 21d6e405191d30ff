import { redactUrl } from '../../source/git/address.ts';
import type { SourceTree } from '../../source/source-tree.ts';
import type { IndexUse } from '../declared.ts';

/** Variables of an S2I repository: set for the build and in the image (builders.md §1.3). */
export interface S2iEnvironment {
  readonly values: Readonly<Record<string, string>>;
  readonly indexes: readonly IndexUse[];
  readonly warnings: readonly string[];
}

export const s2iEnvironmentPath = '.s2i/environment';

/** What Galley's own images rest on: a repository does not change where Python, the service or the home are. */
const reserved =
  /^(?:PATH|HOME|LANG|VIRTUAL_ENV|PORT|PYTHONDONTWRITEBYTECODE|PYTHONUNBUFFERED|PYTHONHOME|GALLEY_.*)$/;
/** They choose notebooks, or are for a builder that is not at work here. */
const choices = /^S2I_SOURCE_NOTEBOOK(?:_LIST)?$/;

/**
 * `.s2i/environment` as source-to-image reads it: `NAME=VALUE` a line, trimmed, `#` only at the start of a line, no quoting. Variables that
 * name an index are held to the same rule as an option of requirements.txt.
 */
export async function readS2iEnvironment(tree: SourceTree): Promise<S2iEnvironment> {
  const values: Record<string, string> = {};
  const indexes: IndexUse[] = [];
  const warnings: string[] = [];
  for (const { name, value } of await environmentLines(tree)) {
    if (/^(?:PIP|UV)_(?:INDEX_URL|EXTRA_INDEX_URL|DEFAULT_INDEX|INDEX)$/.test(name))
      indexes.push({ url: redactUrl(value), kind: 'index', from: s2iEnvironmentPath });
    else if (reserved.test(name))
      warnings.push(`${s2iEnvironmentPath}: ${name} is set by Galley and stays as it is`);
    else if (!choices.test(name)) values[name] = value;
  }
  return { values, indexes, warnings };
}

/** Every assignment, in the order of the file; a name that is none is left out. */
export async function environmentLines(
  tree: SourceTree,
): Promise<readonly { name: string; value: string }[]> {
  const file = tree.find(s2iEnvironmentPath);
  if (file === undefined) return [];
  return (await tree.read(file, 64 * 1024))
    .toString('utf8')
    .split(/\r\n|\r|\n/)
    .flatMap((line) => {
      const [, name, value] = /^\s*([A-Za-z_][A-Za-z0-9_]*)\s*=\s*(.*?)\s*$/.exec(line) ?? [];
      return name === undefined || value === undefined ? [] : [{ name, value }];
    });
}
