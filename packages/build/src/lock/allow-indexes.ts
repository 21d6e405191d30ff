import { GalleyError } from '@galley/api/error/galley-error';
import type { IndexConfiguration } from './index-configuration.ts';
import type { LockRequest } from './lock-request.ts';

/** What the resolver may ask besides the machine's own index. */
export interface AllowedIndexes {
  readonly indexes: readonly string[];
  readonly links: readonly string[];
}

/**
 * Which of the indexes that a repository names are asked. The machine's own are asked anyway, with its credentials; another one only
 * when the person who builds allowed it: whoever can name an index can put a package of theirs before everyone else's of that name
 * (dependency confusion, builders.md §8.4). Throws `INDEX_NOT_ALLOWED`.
 */
export async function allowIndexes(
  request: Pick<LockRequest, 'indexes' | 'allowedIndexes'>,
  machine: IndexConfiguration,
): Promise<AllowedIndexes> {
  const named = request.indexes ?? [];
  if (named.length === 0) return { indexes: [], links: [] };
  const own = new Set(
    [machine.url, await machine.standard(), ...machine.extra].flatMap((url) => plain(url) ?? []),
  );
  const allowed = new Set((request.allowedIndexes ?? []).flatMap((url) => plain(url) ?? []));
  const result = { indexes: [] as string[], links: [] as string[] };
  for (const { url, kind, from } of named) {
    const name = plain(url);
    if (name !== undefined && kind === 'index' && own.has(name)) continue;
    if (name === undefined || !allowed.has(name)) {
      throw new GalleyError(
        'INDEX_NOT_ALLOWED',
        `${from} takes packages from ${url}, which this machine does not ask.`,
        {
          hint: `galley build --allow-index ${url} if you trust it for packages of any name, or configure it on this machine as for pip.`,
          details: { index: url, from },
        },
      );
    }
    const list = kind === 'index' ? result.indexes : result.links;
    if (!list.includes(url)) list.push(url);
  }
  return result;
}

/** Two spellings of one address. Undefined: no address at all. */
function plain(url: string): string | undefined {
  if (!URL.canParse(url)) return undefined;
  const { protocol, host, pathname } = new URL(url);
  return `${protocol}//${host}${pathname.replace(/\/+$/, '')}`;
}
