import Type, { type Static } from 'typebox';
import { Condition, type GalleyObject } from './object.ts';
import { SecretUse } from './secret-use.ts';

const HostPort = Type.String({ pattern: '^[A-Za-z0-9.-]+:[0-9]{1,5}$', description: 'host:port' });
/** A Kubernetes quantity of bytes: `256Mi`, `4Gi`, `1000000`. Read by `quantity.ts`. */
const Bytes = Type.String({ pattern: '^[0-9]+(\\.[0-9]+)?(Ki|Mi|Gi|Ti|k|M|G|T)?$' });
/** A Kubernetes quantity of CPUs: `250m`, `1`, `1.5`. */
const Cpus = Type.String({ pattern: '^[0-9]+(\\.[0-9]+)?m?$' });
/** A Go duration: `0s`, `90s`, `2h`. Read by `duration.ts`. */
const Duration = Type.String({ pattern: '^([0-9]+(\\.[0-9]+)?(ms|s|m|h))+$' });

const Limits = Type.Object(
  { memory: Type.Optional(Bytes), cpu: Type.Optional(Cpus) },
  { additionalProperties: false },
);

/** How it is built. Every field is optional in `galley.yaml`; defaults are in `application-defaults.ts`. */
export const BuildSpec = Type.Object(
  {
    /** `auto`: notebooks, else a script that binds `predictor`, else a saved model. */
    strategy: Type.Optional(
      Type.Union([Type.Literal('auto'), Type.Literal('notebook'), Type.Literal('model')]),
    ),
    notebooks: Type.Optional(Type.Array(Type.String())),
    /** The file that is served as it is, of several: `models/best.joblib`. */
    model: Type.Optional(Type.String({ minLength: 1, maxLength: 1000 })),
    /** Replace pins that have no wheel for this Python, and a Python that has no base, and say which. */
    modernise: Type.Optional(Type.Boolean()),
    /** Packages as they were then: a day, a time, or `commit`. */
    asOf: Type.Optional(Type.String({ pattern: '^(commit|[0-9]{4}-[0-9]{2}-[0-9]{2}.*)$' })),
    python: Type.Optional(Type.String({ pattern: '^(3\\.[0-9]{1,2})?$' })),
    resources: Type.Optional(Type.Object({ limits: Type.Optional(Limits) }, { additionalProperties: false })),
    cellTimeout: Type.Optional(Duration),
    timeout: Type.Optional(Duration),
  },
  { additionalProperties: false },
);
export type BuildSpec = Static<typeof BuildSpec>;

export const EgressSpec = Type.Object(
  { hosts: Type.Optional(Type.Array(HostPort)) },
  { additionalProperties: false },
);

export const ServiceSpec = Type.Object(
  {
    /** Environment of the replicas: addresses and switches, never a secret. A change makes a new revision of the same image. */
    env: Type.Optional(Type.Record(Type.String({ pattern: '^[A-Za-z_][A-Za-z0-9_]*$' }), Type.String())),
    replicas: Type.Optional(
      Type.Object(
        {
          min: Type.Optional(Type.Integer({ minimum: 1, maximum: 16 })),
          max: Type.Optional(Type.Integer({ minimum: 1, maximum: 16 })),
        },
        { additionalProperties: false },
      ),
    ),
    /** What becomes of rows unlike those of the training run. `typed` unless it is written (ADR 0130). */
    schema: Type.Optional(
      Type.Union([
        Type.Literal('typed'),
        Type.Literal('strict'),
        Type.Literal('lenient'),
        Type.Literal('off'),
      ]),
    ),
    resources: Type.Optional(
      Type.Object(
        { requests: Type.Optional(Limits), limits: Type.Optional(Limits) },
        { additionalProperties: false },
      ),
    ),
  },
  { additionalProperties: false },
);

/**
 * Who may say when a request happened (MONITORS.md §1): nobody, unless it is written here; then a request counts when it arrives. And how
 * readily the monitor alarms.
 */
export const MonitorSpec = Type.Object(
  {
    /** A request may, by its `Galley-Event-Time` header or V2 parameter. */
    eventTime: Type.Optional(Type.Boolean()),
    /** The column of a request's first row that does, where the request itself does not. Dates then have an age. */
    eventTimeColumn: Type.Optional(Type.String({ minLength: 1, maxLength: 200 })),
    /** Expected false alarms of the application a year, at most; 0.2 unless it is written here. */
    falseAlarmsPerYear: Type.Optional(Type.Number({ minimum: 0.001, maximum: 100 })),
    /** Shifts of a share smaller than this many of its standard deviations do not matter; 0.05 unless it is written here. */
    tolerance: Type.Optional(Type.Number({ minimum: 0, maximum: 1 })),
    /** So many requests say as much as one that is independent of the others: those of one day share its weather. 1 unless it is written here. */
    requestsAlike: Type.Optional(Type.Number({ minimum: 1, maximum: 1_000_000 })),
  },
  { additionalProperties: false },
);
export type MonitorSpec = Static<typeof MonitorSpec>;

/** `galley.yaml` in a repository: Application.spec without `source`. Unknown keys are refused by name. */
export const GalleyYaml = Type.Object(
  {
    name: Type.Optional(Type.String()),
    build: Type.Optional(BuildSpec),
    egress: Type.Optional(EgressSpec),
    secrets: Type.Optional(Type.Array(SecretUse)),
    service: Type.Optional(ServiceSpec),
    monitor: Type.Optional(MonitorSpec),
  },
  { additionalProperties: false },
);
export type GalleyYaml = Static<typeof GalleyYaml>;

/** What is known of an uploaded tree where it was read. It is shown, and written into labels; nothing is trusted for it. */
export const SourceOrigin = Type.Object(
  {
    /** For people: `git main (1a2b3c4)`. */
    text: Type.Optional(Type.String({ maxLength: 300 })),
    /** The full id of the commit. */
    commit: Type.Optional(Type.String({ pattern: '^[0-9a-f]{40,64}$' })),
    /** When it was made, RFC 3339. */
    committedAt: Type.Optional(Type.String({ pattern: '^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9:.]{8,12}Z$' })),
  },
  { additionalProperties: false },
);
export type SourceOrigin = Static<typeof SourceOrigin>;

/** Where it comes from: exactly one member. */
export const ApplicationSource = Type.Object(
  {
    git: Type.Optional(
      Type.Object(
        {
          url: Type.String(),
          ref: Type.Optional(Type.String()),
          submodules: Type.Optional(Type.Boolean({ description: 'false: submodules stay empty' })),
          secret: Type.Optional(
            Type.String({
              description: 'name of a secret that holds a token, user:token or a private ssh key',
            }),
          ),
        },
        { additionalProperties: false },
      ),
    ),
    /** An uploaded directory, by the digest of its tar; or an archive behind a URL, and then the digest is what it must hash to. */
    archive: Type.Optional(
      Type.Object(
        {
          digest: Type.Optional(Type.String({ pattern: '^sha256:[0-9a-f]{64}$' })),
          origin: Type.Optional(SourceOrigin),
          url: Type.Optional(Type.String()),
          secret: Type.Optional(
            Type.String({ description: 'name of a secret that holds a token or user:password' }),
          ),
        },
        { additionalProperties: false },
      ),
    ),
    contextDir: Type.Optional(Type.String()),
  },
  { additionalProperties: false },
);

export const ApplicationSpec = Type.Object(
  {
    source: ApplicationSource,
    build: Type.Optional(BuildSpec),
    egress: Type.Optional(EgressSpec),
    secrets: Type.Optional(Type.Array(SecretUse)),
    service: Type.Optional(ServiceSpec),
    monitor: Type.Optional(MonitorSpec),
  },
  { additionalProperties: false },
);
export type ApplicationSpec = Static<typeof ApplicationSpec>;

export const ApplicationStatus = Type.Object({
  url: Type.Optional(Type.String()),
  latestBuild: Type.Optional(Type.String()),
  latestRevision: Type.Optional(Type.String()),
  servingRevision: Type.Optional(Type.String()),
  /** Replicas that answer. */
  readyReplicas: Type.Integer(),
  conditions: Type.Array(Condition),
});
export type ApplicationStatus = Static<typeof ApplicationStatus>;

/** What a person wants to exist: a source, how it is built, how it is served, what watches it. */
export type Application = GalleyObject<'Application', ApplicationSpec, ApplicationStatus>;
