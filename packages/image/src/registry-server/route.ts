import { isRepository } from '../registry-client/reference.ts';

/** What a path of the registry asks about. */
export type Route =
  | { readonly kind: 'version' }
  | { readonly kind: 'catalog' }
  | { readonly kind: 'tags'; readonly repository: string }
  | { readonly kind: 'manifest'; readonly repository: string; readonly reference: string }
  | { readonly kind: 'blob'; readonly repository: string; readonly digest: string }
  | { readonly kind: 'uploads'; readonly repository: string }
  | { readonly kind: 'upload'; readonly repository: string; readonly id: string }
  | { readonly kind: 'referrers'; readonly repository: string; readonly digest: string };

/** The endpoints whose path ends in one value, and the ones that end in none; repositories themselves may hold any number of slashes. */
const patterns: readonly [Exclude<Route['kind'], 'version' | 'catalog'>, RegExp][] = [
  ['tags', /^\/v2\/(.+)\/tags\/list$/],
  ['manifest', /^\/v2\/(.+)\/manifests\/([^/]+)$/],
  ['uploads', /^\/v2\/(.+)\/blobs\/uploads\/?$/],
  ['upload', /^\/v2\/(.+)\/blobs\/uploads\/([^/]+)$/],
  ['blob', /^\/v2\/(.+)\/blobs\/([^/]+)$/],
  ['referrers', /^\/v2\/(.+)\/referrers\/([^/]+)$/],
];

/** Reads a path. `invalid-name`: it would be an endpoint, but for the repository's name. Undefined: no endpoint at all. */
export function parseRoute(path: string): Route | 'invalid-name' | undefined {
  if (path === '/v2/' || path === '/v2') return { kind: 'version' };
  if (path === '/v2/_catalog') return { kind: 'catalog' };
  let decoded: string;
  try {
    // Some clients write the colon of a digest as %3A.
    decoded = decodeURIComponent(path);
  } catch {
    return undefined;
  }
  for (const [kind, pattern] of patterns) {
    const [, repository = '', value = ''] = pattern.exec(decoded) ?? [];
    if (repository === '') continue;
    if (!isRepository(repository)) return 'invalid-name';
    switch (kind) {
      case 'tags':
      case 'uploads':
        return { kind, repository };
      case 'manifest':
        return { kind, repository, reference: value };
      case 'upload':
        return { kind, repository, id: value };
      case 'blob':
      case 'referrers':
        return { kind, repository, digest: value };
    }
  }
  return undefined;
}
