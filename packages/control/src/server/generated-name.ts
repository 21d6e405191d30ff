import { randomInt } from 'node:crypto';

/** As Kubernetes has them: no vowels, so that no word comes out, and no digits that look like letters. */
const letters = 'bcdfghjklmnpqrstvwxz2456789';
const suffixLength = 5;
/** A DNS label has 63 characters. */
const prefixMax = 63 - suffixLength;

/** A body whose `metadata.generateName` is a prefix gets a name of its own behind it, as in Kubernetes; one with a name keeps it. */
export function withGeneratedName(body: unknown): unknown {
  if (typeof body !== 'object' || body === null || !('metadata' in body)) return body;
  const { metadata } = body;
  if (typeof metadata !== 'object' || metadata === null || 'name' in metadata) return body;
  if (!('generateName' in metadata) || typeof metadata.generateName !== 'string') return body;
  const { generateName, ...rest } = metadata;
  const suffix = Array.from({ length: suffixLength }, () => letters[randomInt(letters.length)]).join('');
  return { ...body, metadata: { ...rest, name: `${generateName.slice(0, prefixMax)}${suffix}` } };
}
