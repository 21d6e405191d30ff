/** A value that JSON can say; undefined members are left out. */
function sortKeys(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(sortKeys);
  if (typeof value !== 'object' || value === null) return value;
  const entries = Object.entries(value).filter(([, member]) => member !== undefined);
  entries.sort(([left], [right]) => (left < right ? -1 : 1));
  return Object.fromEntries(entries.map(([key, member]) => [key, sortKeys(member)]));
}

/** JSON with sorted keys and no blanks: equal values give equal bytes, so manifests and cache keys can be hashed. */
export function canonicalJson(value: unknown): string {
  return JSON.stringify(sortKeys(value));
}
