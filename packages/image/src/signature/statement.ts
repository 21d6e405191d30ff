import { digestHex, type Digest } from '@galley/api/digest';
import { isObject } from '@galley/api/json-object';
import { parseJson } from '../small-json.ts';

/** The type of statements in envelopes (in-toto, statement.md). */
export const statementType = 'application/vnd.in-toto+json';

/** What cosign from version 3 on signs of an image: that it is signed. */
export const signPredicate = 'https://sigstore.dev/cosign/sign/v1';

/** Something that is said of an image. */
export interface Statement {
  readonly _type: 'https://in-toto.io/Statement/v1';
  readonly subject: readonly { readonly name?: string; readonly digest: { readonly sha256: string } }[];
  readonly predicateType: string;
  readonly predicate: Readonly<Record<string, unknown>>;
}

/** A statement about one image. */
export function statementOf(
  subject: { readonly digest: Digest; readonly name?: string },
  predicateType: string,
  predicate: Readonly<Record<string, unknown>>,
): Statement {
  const name = subject.name === undefined ? {} : { name: subject.name };
  return {
    _type: 'https://in-toto.io/Statement/v1',
    subject: [{ ...name, digest: { sha256: digestHex(subject.digest) } }],
    predicateType,
    predicate,
  };
}

/** Reads a statement that says something of this very image; undefined: it is none, or says it of another. */
export function readStatement(
  bytes: Uint8Array,
  digest: Digest,
): Pick<Statement, 'predicateType' | 'predicate'> | undefined {
  const value = parseJson(bytes);
  if (!isObject(value) || !/^https:\/\/in-toto\.io\/Statement\/v(?:0\.1|1)$/.test(String(value['_type'])))
    return undefined;
  const { subject, predicateType, predicate } = value;
  if (!Array.isArray(subject) || typeof predicateType !== 'string' || !isObject(predicate)) return undefined;
  const isOfIt = subject.some((one: unknown) => {
    const digests = isObject(one) ? one['digest'] : undefined;
    return isObject(digests) && digests['sha256'] === digestHex(digest);
  });
  return isOfIt ? { predicateType, predicate } : undefined;
}
