import { isObject } from '@galley/api/json-object';

/** Lays a JSON merge patch over a value (RFC 7396): objects are merged, null takes away, everything else replaces. */
export function mergePatch(target: unknown, patch: unknown): unknown {
  if (!isObject(patch)) return patch;
  const result = new Map(Object.entries(isObject(target) ? target : {}));
  for (const [key, value] of Object.entries(patch)) {
    if (value === null) result.delete(key);
    else result.set(key, mergePatch(result.get(key), value));
  }
  // fromEntries defines own properties, so that a key like __proto__ stays a key.
  return Object.fromEntries(result);
}
