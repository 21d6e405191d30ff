import Type, { type Static } from 'typebox';
import { Check } from 'typebox/value';
import { Verdict } from '../kind/verdict.ts';

const Count = Type.Number({ minimum: 0 });

/** What a verdict follows from, besides the buckets: the settings, and the reference's counts in units of 1/2^20. */
export const RecordHead = Type.Object({
  schema: Type.Literal('galley.dev/verdict-record/v1'),
  revision: Type.String(),
  settings: Type.Object({
    falseAlarmsPerYear: Type.Number({ exclusiveMinimum: 0 }),
    tolerance: Type.Number({ minimum: 0 }),
    requestsAlike: Type.Number({ minimum: 1 }),
  }),
  streams: Type.Array(
    Type.Object({
      id: Type.String(),
      group: Type.String(),
      kind: Type.String(),
      cells: Type.Array(Type.String()),
      counts: Type.Array(Count),
      n: Count,
      edges: Type.Optional(Type.Array(Type.Number())),
      atoms: Type.Optional(Type.Array(Type.Number())),
      alike: Type.Optional(Type.Number({ minimum: 1 })),
    }),
  ),
});
export type RecordHead = Static<typeof RecordHead>;

/** Counts of five minutes, of all replicas; `bucket` counts them since 1970. */
export const RecordBucket = Type.Object({
  bucket: Type.Integer({ minimum: 0 }),
  requests: Count,
  streams: Type.Array(Type.Object({ id: Type.String(), n: Count, counts: Type.Array(Count) })),
});
export type RecordBucket = Static<typeof RecordBucket>;

/** The last line: the server's own verdict of these very counts. */
export const RecordEnd = Type.Object({ verdict: Verdict });
export type RecordEnd = Static<typeof RecordEnd>;

/** What a line of a record is; undefined: none of a record's. A record may be a file that a person chose. */
export function readRecordLine(
  value: unknown,
):
  | { readonly head: RecordHead }
  | { readonly bucket: RecordBucket }
  | { readonly end: RecordEnd }
  | undefined {
  if (Check(RecordBucket, value)) return { bucket: value };
  if (Check(RecordHead, value)) return { head: value };
  return Check(RecordEnd, value) ? { end: value } : undefined;
}
