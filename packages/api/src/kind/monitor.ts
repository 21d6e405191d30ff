import Type, { type Static } from 'typebox';
import { Condition, type GalleyObject } from './object.ts';
import { Verdict } from './verdict.ts';

export const MonitorObjectSpec = Type.Object({ application: Type.String() });

/** How far one stream moved: to read by; whether it has moved is the verdict's to say. */
export const StreamDistance = Type.Object({
  id: Type.String(),
  group: Type.String(),
  /** Requests counted now, and requests of the reference. */
  n: Type.Integer(),
  referenceN: Type.Integer(),
  /** Total variation distance, 0 to 1. */
  totalVariation: Type.Number(),
  /**
   * The total variation that sampling alone gives on average when nothing moved:
   * ½ · Σ √(2·p(1−p)·(1/n + 1/N)/π) over the cells, p the share of both together. To read a distance by; not a test.
   */
  expectedBySampling: Type.Number(),
  /** Standard deviation of that: how far from `expectedBySampling` sampling alone goes. */
  samplingSpread: Type.Number(),
  /** The reference has too few requests that no fit has seen: its distance says little yet (MONITORS.md §3). */
  learning: Type.Optional(Type.Boolean()),
  /** Jensen–Shannon distance, base 2, 0 to 1. */
  jensenShannon: Type.Number(),
  /** The cell that gained most and the one that lost most, with the shares. */
  gained: Type.Optional(Type.Object({ cell: Type.String(), from: Type.Number(), to: Type.Number() })),
  lost: Type.Optional(Type.Object({ cell: Type.String(), from: Type.Number(), to: Type.Number() })),
});
export type StreamDistance = Static<typeof StreamDistance>;

/** Order of streams: farthest beyond what sampling gives first. */
export function byExcess(a: StreamDistance, b: StreamDistance): number {
  return b.totalVariation - b.expectedBySampling - (a.totalVariation - a.expectedBySampling);
}

/** A first sighting, with its place in the source (MONITORS.md §5). */
export const MonitorEvent = Type.Object({
  time: Type.String(),
  kind: Type.String(),
  stream: Type.String(),
  value: Type.String(),
  function: Type.Optional(Type.String()),
  /** Of the repository, for code that is in no notebook. */
  file: Type.Optional(Type.String()),
  notebook: Type.Optional(Type.String()),
  cell: Type.Optional(Type.Integer()),
  line: Type.Optional(Type.Integer()),
  source: Type.Optional(Type.String()),
  /** Of a new path: what it decided otherwise than the usual one, as `36: rain > 0 → yes`; its lines may all be known. */
  decided: Type.Optional(Type.String()),
  count: Type.Integer(),
  replica: Type.String(),
});
export type MonitorEvent = Static<typeof MonitorEvent>;

/** How much of the scoring code the reference ran, and what of it is not counted. */
export const Coverage = Type.Object({
  /** Lines on which statements start. */
  lines: Type.Integer({ minimum: 0 }),
  linesSeen: Type.Integer({ minimum: 0 }),
  functions: Type.Integer({ minimum: 0 }),
  skipped: Type.Array(
    Type.Object({ name: Type.String({ maxLength: 2000 }), reason: Type.String({ maxLength: 2000 }) }),
  ),
});
export type Coverage = Static<typeof Coverage>;

export const MonitorStatus = Type.Object({
  revision: Type.Optional(Type.String()),
  /** `learning`: no reference; `watching`: distances are shown. */
  state: Type.Union([Type.Literal('learning'), Type.Literal('watching')]),
  origin: Type.Optional(Type.String()),
  requests: Type.Integer(),
  referenceRequests: Type.Integer(),
  /** Of the requests: those that the schema or the validator refused, and those on which the predictor failed. */
  refused: Type.Integer(),
  failures: Type.Integer(),
  /** Answered by the gateway but counted by no monitor. */
  lost: Type.Integer(),
  late: Type.Integer(),
  /** RFC 3339: when the counts were read. */
  observedAt: Type.Optional(Type.String()),
  /** Replicas whose counts could not be read or not be used, a sentence each. */
  problems: Type.Array(Type.String()),
  /** In the object the few that lie farthest, and the newest events; `…/monitors/NAME/window` has all. */
  streams: Type.Array(StreamDistance),
  events: Type.Array(MonitorEvent),
  coverage: Type.Optional(Coverage),
  /** Absent without a reference. */
  verdict: Type.Optional(Verdict),
  conditions: Type.Array(Condition),
});
export type MonitorStatus = Static<typeof MonitorStatus>;

export type Monitor = GalleyObject<'Monitor', Static<typeof MonitorObjectSpec>, MonitorStatus>;
