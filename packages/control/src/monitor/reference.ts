import { Type, type Static, type TSchema } from 'typebox';
import { Compile } from 'typebox/compile';
import { Coverage } from '@galley/api/kind/monitor';

const Count = Type.Integer({ minimum: 0, maximum: Number.MAX_SAFE_INTEGER });
const Name = Type.String({ maxLength: 2000 });
const Nullable = <T extends TSchema>(type: T) => Type.Union([type, Type.Null()]);

/** Cells of all streams together: what a minute of a replica may take in the records follows from it. */
const cellsMax = 200_000;

/** What control reads of a stream; what decides which cell a value falls into is the runtime's alone. */
export const ReferenceStream = Type.Object({
  id: Name,
  group: Name,
  kind: Name,
  cells: Type.Array(Name),
  counts: Type.Array(Count),
  n: Count,
  /** Of a stream of numbers: what its bins and single values lie between, for their order. */
  edges: Type.Optional(Type.Array(Type.Number())),
  atoms: Type.Optional(Type.Array(Type.Number())),
  /** A stream of predictions with fewer requests than make a reference (MONITORS.md §3). */
  learning: Type.Optional(Type.Boolean()),
  function: Type.Optional(
    Type.Object({
      name: Name,
      notebook: Nullable(Name),
      cell: Nullable(Type.Integer()),
      file: Nullable(Name),
    }),
  ),
  /** Lines and texts of the conditions that its paths decide. */
  questions: Type.Optional(Type.Array(Type.Tuple([Type.Integer(), Name]))),
  paths: Type.Optional(
    Type.Array(
      Type.Object({
        number: Name,
        lines: Type.Array(Type.Tuple([Type.Integer(), Type.Integer()])),
        /** Indexes of questions, each with its answer. */
        answers: Type.Optional(Type.Array(Type.Tuple([Type.Integer({ minimum: 0 }), Name]))),
        fallback: Type.Boolean(),
      }),
    ),
  ),
});
/** `alike` is measured on accepted requests, never read of a workload (accepted-reference.ts). */
export type ReferenceStream = Static<typeof ReferenceStream> & { readonly alike?: number };

/** The table of cells of a revision (`reference.json`, docs/design/wire.md). */
export const Reference = Type.Object({
  schema: Type.Literal('galley.dev/reference/v1'),
  origin: Name,
  requests: Count,
  streams: Type.Array(ReferenceStream),
  coverage: Type.Optional(Coverage),
});
export type Reference = Omit<Static<typeof Reference>, 'streams'> & {
  readonly streams: readonly ReferenceStream[];
};

/**
 * It came out of a workload: checked, though it lies in our store. Undefined: not of the agreed shape. Compiled at each call: they are
 * few, and a large one is checked fifteen times as fast.
 */
export function readReference(value: unknown): Reference | undefined {
  if (!Compile(Reference).Check(value)) return undefined;
  const { streams } = value;
  const cells = streams.reduce((sum, stream) => sum + stream.cells.length, 0);
  const distinct = new Set(streams.map(({ id }) => id)).size === streams.length;
  const complete = streams.every((stream) => stream.cells.length === stream.counts.length);
  // What is ours alone may not come from there.
  const own = streams.every((stream) => !('alike' in stream));
  return own && distinct && complete && cells <= cellsMax ? value : undefined;
}
