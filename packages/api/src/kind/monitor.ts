import Type, { type Static } from 'typebox';
import { Condition, type GalleyObject } from './object.ts';

export const MonitorObjectSpec = Type.Object({ application: Type.String() });

/** How far one stream moved. No verdict: those come with a budget of false alarms in a later version (MONITORS.md §4). */
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
  /** Jensen–Shannon distance, base 2, 0 to 1. */
  jensenShannon: Type.Number(),
  /** The cell that gained most and the one that lost most, with the shares. */
  gained: Type.Optional(Type.Object({ cell: Type.String(), from: Type.Number(), to: Type.Number() })),
  lost: Type.Optional(Type.Object({ cell: Type.String(), from: Type.Number(), to: Type.Number() })),
});
export type StreamDistance = Static<typeof StreamDistance>;

/** A first sighting, with its place in the source (MONITORS.md §5). */
export const MonitorEvent = Type.Object({
  time: Type.String(),
  kind: Type.String(),
  stream: Type.String(),
  value: Type.String(),
  function: Type.Optional(Type.String()),
  notebook: Type.Optional(Type.String()),
  cell: Type.Optional(Type.Integer()),
  line: Type.Optional(Type.Integer()),
  source: Type.Optional(Type.String()),
  count: Type.Integer(),
  replica: Type.String(),
});
export type MonitorEvent = Static<typeof MonitorEvent>;

export const MonitorStatus = Type.Object({
  revision: Type.Optional(Type.String()),
  /** `learning`: no reference; `watching`: distances are shown. */
  state: Type.Union([Type.Literal('learning'), Type.Literal('watching')]),
  origin: Type.Optional(Type.String()),
  requests: Type.Integer(),
  referenceRequests: Type.Integer(),
  /** Counted by the gateway but not by a monitor. */
  lost: Type.Integer(),
  late: Type.Integer(),
  streams: Type.Array(StreamDistance),
  events: Type.Array(MonitorEvent),
  coverage: Type.Optional(Type.Unknown()),
  conditions: Type.Array(Condition),
});
export type MonitorStatus = Static<typeof MonitorStatus>;

export type Monitor = GalleyObject<'Monitor', Static<typeof MonitorObjectSpec>, MonitorStatus>;
