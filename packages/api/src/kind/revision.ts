import Type, { type Static } from 'typebox';
import { MonitorSpec, ServiceSpec } from './application.ts';
import { Condition, type GalleyObject } from './object.ts';
import { SecretUse } from './secret-use.ts';

/** An image digest and the configuration it runs with; never changes. */
export const RevisionSpec = Type.Object({
  application: Type.String(),
  build: Type.String(),
  number: Type.Integer(),
  image: Type.String(),
  service: ServiceSpec,
  egressHosts: Type.Array(Type.String()),
  secrets: Type.Array(SecretUse),
  /** Absent: nobody may say when a request happened. */
  monitor: Type.Optional(MonitorSpec),
  /** Blobs of the build: reference, schema, golden, model. */
  records: Type.Record(Type.String(), Type.String()),
});

export const RevisionStatus = Type.Object({
  replicas: Type.Array(
    Type.Object({
      workload: Type.String(),
      phase: Type.String(),
      ready: Type.Boolean(),
      reason: Type.Optional(Type.String()),
      restarts: Type.Integer(),
      /** Ends in a row after less than ten minutes: decides how long the next start waits. */
      failures: Type.Integer(),
      /** Since when one that was ready gives no answer; RFC 3339. */
      unwellSince: Type.Optional(Type.String()),
    }),
  ),
  /** A replica of it has given the golden answers; those that start since only load. */
  proven: Type.Optional(Type.Boolean()),
  /** Whether traffic goes to it. */
  serving: Type.Boolean(),
  conditions: Type.Array(Condition),
});

export type Revision = GalleyObject<'Revision', Static<typeof RevisionSpec>, Static<typeof RevisionStatus>>;
