import { randomInt } from 'node:crypto';
import { isObject } from '@galley/api/json-object';

/** As Kubernetes has them: no vowels, so that no word comes out, and no digits that look like letters. */
const letters = 'bcdfghjklmnpqrstvwxz2456789';
const suffixLength = 5;
/** A DNS label has 63 characters. */
const prefixMax = 63 - suffixLength;

/** A body whose `metadata.generateName` is a prefix gets a name of its own behind it, as in Kubernetes; one with a name keeps it. */
export function withGeneratedName(body: unknown): unknown {
  if (!isObject(body) || !isObject(body['metadata']) || 'name' in body['metadata']) return body;
  const { generateName, ...rest } = body['metadata'];
  if (typeof generateName !== 'string') return body;
  const suffix = Array.from({ length: suffixLength }, () => letters[randomInt(letters.length)]).join('');
  return { ...body, metadata: { ...rest, name: `${generateName.slice(0, prefixMax)}${suffix}` } };
}
