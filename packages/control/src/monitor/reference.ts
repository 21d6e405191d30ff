import { Type, type Static } from 'typebox';
import { Check } from 'typebox/value';

const Count = Type.Integer({ minimum: 0, maximum: Number.MAX_SAFE_INTEGER });
const Nullable = <T extends import('typebox').TSchema>(type: T) => Type.Union([type, Type.Null()]);

/** What control reads of a stream; what decides which cell a value falls into is the runtime's alone. */
export const ReferenceStream = Type.Object({
  id: Type.String(),
  group: Type.String(),
  kind: Type.String(),
  cells: Type.Array(Type.String()),
  counts: Type.Array(Count),
  n: Count,
  function: Type.Optional(
    Type.Object({
      name: Type.String(),
      notebook: Nullable(Type.String()),
      cell: Nullable(Type.Integer()),
      file: Nullable(Type.String()),
    }),
  ),
  paths: Type.Optional(
    Type.Array(
      Type.Object({
        number: Type.String(),
        lines: Type.Array(Type.Tuple([Type.Integer(), Type.Integer()])),
        fallback: Type.Boolean(),
      }),
    ),
  ),
});
export type ReferenceStream = Static<typeof ReferenceStream>;

/** The table of cells of a revision (`reference.json`, docs/design/wire.md). */
export const Reference = Type.Object({
  schema: Type.Literal('galley.dev/reference/v1'),
  origin: Type.String(),
  requests: Count,
  streams: Type.Array(ReferenceStream),
  coverage: Type.Optional(Type.Unknown()),
});
export type Reference = Static<typeof Reference>;

/** It came out of a workload: checked, though it lies in our store. Undefined: not of the agreed shape. */
export function readReference(value: unknown): Reference | undefined {
  if (!Check(Reference, value)) return undefined;
  return value.streams.every((stream) => stream.cells.length === stream.counts.length) ? value : undefined;
}
