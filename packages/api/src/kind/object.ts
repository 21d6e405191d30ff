import Type, { type Static } from 'typebox';

/** RFC 1123 DNS label: what names of projects, applications and builds must be. */
export const dnsLabelPattern = '^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$';

/** The API group and version of Galley's kinds (DESIGN.md §2). */
export const apiVersion = 'galley.dev/v1alpha1';

/** Kubernetes' object metadata; what Galley uses of it. */
export const ObjectMeta = Type.Object({
  name: Type.String({ pattern: dnsLabelPattern }),
  /** The project. */
  namespace: Type.String({ pattern: dnsLabelPattern }),
  uid: Type.String(),
  /** Opaque; only ever compared for equality. */
  resourceVersion: Type.String(),
  /** Counts changes of the spec. */
  generation: Type.Integer(),
  creationTimestamp: Type.String(),
  deletionTimestamp: Type.Optional(Type.String()),
  finalizers: Type.Array(Type.String()),
  ownerReferences: Type.Array(
    Type.Object({ apiVersion: Type.String(), kind: Type.String(), name: Type.String(), uid: Type.String() }),
  ),
  labels: Type.Record(Type.String(), Type.String()),
  annotations: Type.Record(Type.String(), Type.String()),
});
export type ObjectMeta = Static<typeof ObjectMeta>;

/** A condition as Kubernetes writes it. `message` is a sentence with at least one number or object's name unless `True`. */
export const Condition = Type.Object({
  type: Type.String(),
  status: Type.Union([Type.Literal('True'), Type.Literal('False'), Type.Literal('Unknown')]),
  reason: Type.String(),
  message: Type.String(),
  observedGeneration: Type.Integer(),
  lastTransitionTime: Type.String(),
});
export type Condition = Static<typeof Condition>;

/** An object: desired state in `spec`, last observed state in `status`. */
export interface GalleyObject<Kind extends string, Spec, Status> {
  readonly apiVersion: string;
  readonly kind: Kind;
  readonly metadata: ObjectMeta;
  readonly spec: Spec;
  readonly status: Status;
}
