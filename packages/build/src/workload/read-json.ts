import { isObject, type JsonObject } from '@galley/api/json-object';
import type { Output } from './read-output.ts';
import { invalid } from './read-output.ts';

/** A JSON object of the wire by path and schema name; undefined: it is not there. Throws `OUTPUT_INVALID` when it is something else. */
export async function readWire(
  output: Output,
  path: string,
  schema: string,
): Promise<JsonObject | undefined> {
  const text = await output.text(path);
  if (text === undefined) return undefined;
  const value = parse(text, path);
  if (!isObject(value) || value['schema'] !== `galley.dev/${schema}/v1`)
    throw invalid(`${path} is not of the schema ${schema}`);
  return value;
}

/** Like `readWire`, where without the file nothing can go on. */
export async function requireWire(output: Output, path: string, schema: string): Promise<JsonObject> {
  const value = await readWire(output, path, schema);
  if (value === undefined) throw invalid(`${path} is missing`);
  return value;
}

/** The lines of a JSONL file; a last line that was cut short by a kill is left out. */
export async function readLines(output: Output, path: string): Promise<readonly JsonObject[]> {
  const text = (await output.text(path)) ?? '';
  const lines = text.split('\n');
  const complete = text.endsWith('\n') ? lines : lines.slice(0, -1);
  return complete
    .filter((line) => line !== '')
    .map((line) => {
      const value = parse(line, path);
      if (!isObject(value)) throw invalid(`a line of ${path} is no object`);
      return value;
    });
}

function parse(text: string, path: string): unknown {
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw invalid(`${path} is not JSON`, cause);
  }
}

export function textOf(value: unknown, fallback = ''): string {
  return typeof value === 'string' ? value : fallback;
}

export function numberOf(value: unknown, fallback = 0): number {
  return typeof value === 'number' && Number.isFinite(value) ? value : fallback;
}

export function textsOf(value: unknown): readonly string[] {
  return Array.isArray(value) ? value.filter((item) => typeof item === 'string') : [];
}
