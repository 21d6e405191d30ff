import { isObject } from '@galley/api/json-object';

/** Relative and absolute, as MISSION.md N4 promises. */
const tolerance = 1e-6;

/** Whether two JSON values are the same but for rounding of numbers. */
export function sameAnswer(a: unknown, b: unknown): boolean {
  if (typeof a === 'number' && typeof b === 'number')
    return Math.abs(a - b) <= tolerance * Math.max(1, Math.abs(a), Math.abs(b));
  if (Array.isArray(a) && Array.isArray(b))
    return a.length === b.length && a.every((item, index) => sameAnswer(item, b[index]));
  if (isObject(a) && isObject(b)) {
    const keys = Object.keys(a);
    return (
      keys.length === Object.keys(b).length && keys.every((key) => key in b && sameAnswer(a[key], b[key]))
    );
  }
  return a === b;
}
