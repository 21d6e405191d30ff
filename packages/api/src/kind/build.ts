import Type, { type Static } from 'typebox';
import { ApplicationSpec, GalleyYaml } from './application.ts';
import { Condition, type GalleyObject } from './object.ts';

/** What is built: the application's spec as it was, so that a build is never changed by a later edit. */
export const BuildObjectSpec = Type.Object({
  application: Type.String(),
  number: Type.Integer(),
  snapshot: ApplicationSpec,
});

const LayerRecord = Type.Object({
  role: Type.String(),
  digest: Type.String(),
  sizeBytes: Type.Integer(),
  cached: Type.Boolean(),
  from: Type.String(),
});
const PhaseRecord = Type.Object({
  phase: Type.String(),
  state: Type.String(),
  reason: Type.String(),
  elapsedMs: Type.Number(),
});

export const BuildObjectStatus = Type.Object({
  phase: Type.Union([
    Type.Literal('Pending'),
    Type.Literal('Running'),
    Type.Literal('Succeeded'),
    Type.Literal('Failed'),
    Type.Literal('Cancelled'),
  ]),
  startedAt: Type.Optional(Type.String()),
  endedAt: Type.Optional(Type.String()),
  image: Type.Optional(Type.String()),
  environment: Type.Optional(Type.String()),
  layers: Type.Array(LayerRecord),
  phases: Type.Array(PhaseRecord),
  /** Digests of blobs that belong to the build: report, executedNotebook, reference, schema, golden, model, recipe. */
  records: Type.Record(Type.String(), Type.String()),
  /** The repository's own settings as the build found them: the base of what the revision runs with. */
  settings: Type.Optional(GalleyYaml),
  /** For people: what the build left out or could not read. */
  warnings: Type.Optional(Type.Array(Type.String())),
  /** An error's body when it failed. */
  error: Type.Optional(Type.Unknown()),
  conditions: Type.Array(Condition),
});
export type BuildObjectStatus = Static<typeof BuildObjectStatus>;

/** One execution of source → revision; an immutable record with phases, timings, report and log. */
export type Build = GalleyObject<'Build', Static<typeof BuildObjectSpec>, BuildObjectStatus>;
