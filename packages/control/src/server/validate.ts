import type { Static, TSchema } from 'typebox';
import { Check, Errors } from 'typebox/value';
import { GalleyError } from '@galley/api/error/galley-error';

/** One thing that is wrong: which field, and what is wrong with it. */
export interface FieldError {
  /** `spec.build.python`. */
  readonly field: string;
  readonly problem: string;
}

/** What is wrong with a value, most telling first; empty: nothing. `at` is where the value stands, as `spec`. */
export function fieldErrors(schema: TSchema, value: unknown, at: string): readonly FieldError[] {
  if (Check(schema, value)) return [];
  const found = new Map<string, string>();
  const choices = new Map<string, string[]>();
  for (const error of Errors(schema, value)) {
    // TypeBox reports the object that has an unknown member as well as the member; the member is the one to name.
    if (error.keyword === 'additionalProperties' || error.keyword === 'anyOf') continue;
    const field = fieldName(at, error.instancePath);
    if (error.keyword === 'const') {
      choices.set(field, [...(choices.get(field) ?? []), JSON.stringify(error.params.allowedValue)]);
    }
    if (found.has(field)) continue;
    found.set(field, error.keyword === 'boolean' ? 'is not a known field' : error.message);
  }
  return [...found].map(([field, message]) => {
    const allowed = choices.get(field);
    return { field, problem: allowed === undefined ? message : `must be one of ${allowed.join(', ')}` };
  });
}

/** Throws `OBJECT_INVALID` that names the first field and lists all of them. `what` names the object. */
export function requireValid<Schema extends TSchema>(
  schema: Schema,
  value: unknown,
  at: string,
  what: string,
): asserts value is Static<Schema> {
  refuse(fieldErrors(schema, value, at), what);
}

/** Throws `OBJECT_INVALID` unless the list is empty. */
export function refuse(errors: readonly FieldError[], what: string): void {
  const first = errors[0];
  if (first === undefined) return;
  const more = errors.length === 1 ? '' : ` (and ${errors.length - 1} more)`;
  throw new GalleyError('OBJECT_INVALID', `${what}: ${first.field} ${first.problem}${more}.`, {
    details: { fields: errors },
  });
}

function fieldName(at: string, pointer: string): string {
  const parts = pointer.split('/').slice(1);
  const names = parts.map((part) => part.replaceAll('~1', '/').replaceAll('~0', '~'));
  return [at, ...names].join('.').replaceAll(/\.(\d+)(?=\.|$)/g, '[$1]');
}
