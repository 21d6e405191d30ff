import Type, { type Static } from 'typebox';
import { ApplicationSpec, GalleyYaml } from './application.ts';
import { Condition, dnsLabelPattern, type GalleyObject } from './object.ts';

/** What is built: the application's spec as it was, so that a build is never changed by a later edit. */
export const BuildObjectSpec = Type.Object(
  {
    /** The application that it is a build of. Absent: it is a build of its own, as `galley build` asks for it; nothing is served by it. */
    application: Type.Optional(Type.String()),
    /** Which of the application's builds. */
    number: Type.Optional(Type.Integer()),
    /** Of a build of its own: what its image is called. */
    name: Type.Optional(Type.String({ pattern: dnsLabelPattern })),
    snapshot: ApplicationSpec,
    /** Indexes that files of the repository may name. Not a member of `snapshot.build`: a repository must not allow itself one. */
    allowedIndexes: Type.Optional(Type.Array(Type.String())),
  },
  { additionalProperties: false },
);

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
  /** The image that was rehearsed; the service image is this one and a layer. */
  candidate: Type.Optional(Type.String()),
  sourceDigest: Type.Optional(Type.String()),
  lockDigest: Type.Optional(Type.String()),
  trainingKey: Type.Optional(Type.String()),
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

/** A build of an application. */
export type ApplicationBuild = Build & {
  readonly spec: { readonly application: string; readonly number: number };
};

/** Whether it is one of `application`'s, and not a build of its own. */
export function isBuildOf(build: Build, application: string): build is ApplicationBuild {
  return build.spec.application === application && build.spec.number !== undefined;
}

/** What its image is called: the application, or what a build of its own was given. The steps of builds of one name share their workloads. */
export function imageNameOf({ spec, metadata }: Pick<Build, 'spec' | 'metadata'>): string {
  return spec.application ?? spec.name ?? metadata.name;
}
