import { isObject } from '@galley/api/json-object';
import { textOf } from '../../workload/read-json.ts';

/** What a server answered; undefined: it is not JSON. */
export function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** The texts of an object, as HTTP headers come; what is no text becomes empty. */
export function textRecord(value: unknown): Record<string, string> {
  if (!isObject(value)) return {};
  return Object.fromEntries(Object.entries(value).map(([name, text]) => [name, textOf(text)]));
}
