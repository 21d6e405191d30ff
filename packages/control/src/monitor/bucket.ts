import { Type, type Static } from 'typebox';
import { Compile } from 'typebox/compile';

const Count = Type.Integer({ minimum: 0, maximum: Number.MAX_SAFE_INTEGER });
const ShortText = Type.String({ maxLength: 500 });

/** Counts of one minute of one boot: cells by index, zero cells left out (docs/design/wire.md). */
export const Bucket = Type.Object({
  seq: Count,
  minute: Type.Integer({ minimum: 0, maximum: 2 ** 40 }),
  requests: Count,
  rows: Count,
  failures: Count,
  /** Absent before it was counted. */
  refused: Type.Optional(Count),
  late: Count,
  streams: Type.Record(
    Type.String(),
    Type.Object({ n: Count, counts: Type.Record(Type.String({ pattern: '^(0|[1-9][0-9]{0,5})$' }), Count) }),
  ),
});
export type Bucket = Static<typeof Bucket>;

/** A first sighting as the runtime tells it. */
export const SightingLine = Type.Object({
  seq: Count,
  time: ShortText,
  kind: ShortText,
  stream: ShortText,
  value: ShortText,
  function: Type.Optional(Type.Union([ShortText, Type.Null()])),
  file: Type.Optional(Type.Union([ShortText, Type.Null()])),
  notebook: Type.Optional(Type.Union([ShortText, Type.Null()])),
  cell: Type.Optional(Type.Union([Type.Integer(), Type.Null()])),
  line: Type.Optional(Type.Union([Type.Integer(), Type.Null()])),
  decided: Type.Optional(Type.Union([ShortText, Type.Null()])),
  source: Type.Optional(Type.Union([Type.String({ maxLength: 2000 }), Type.Null()])),
  count: Count,
});
export type SightingLine = Static<typeof SightingLine>;

export const BucketsAnswer = Type.Object({
  schema: Type.Literal('galley.dev/buckets/v1'),
  boot: Type.String({ minLength: 1, maxLength: 64 }),
  seq: Count,
  buckets: Type.Array(Bucket, { maxItems: 100_000 }),
  events: Type.Array(SightingLine, { maxItems: 10_000 }),
});
export type BucketsAnswer = Static<typeof BucketsAnswer>;

/** Reads answers of replicas. Its check is compiled once: everything else in this process waits for it, and an answer may have 200,000 counts. */
export class BucketReader {
  private readonly shape = Compile(BucketsAnswer);

  /** Undefined when it is not of the agreed shape. */
  read(body: Buffer): BucketsAnswer | undefined {
    try {
      const value: unknown = JSON.parse(body.toString('utf8'));
      return this.shape.Check(value) ? value : undefined;
    } catch {
      return undefined;
    }
  }
}
