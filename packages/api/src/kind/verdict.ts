import Type, { type Static } from 'typebox';
import { Decision } from './decision.ts';

/** What of a stream moved most, when it was named. */
export const Moved = Type.Object({
  id: Type.String(),
  group: Type.String(),
  /** The cells together whose share moved, as the reference names them. */
  cells: Type.Array(Type.String()),
  /** RFC 3339: the evidence has grown since about then. */
  since: Type.String(),
  /** Requests counted since then, and those of the reference. */
  requests: Type.Integer(),
  referenceRequests: Type.Integer(),
  /** The share of these cells in the reference and since then, and between which limits it may lie. */
  from: Type.Number(),
  to: Type.Number(),
  lower: Type.Number(),
  upper: Type.Number(),
  /** The stream's own evidence, by powers of ten. */
  evidence: Type.Number(),
});
export type Moved = Static<typeof Moved>;

/**
 * Whether requests still look like the reference (docs/design/monitors.md). `ok`: nothing has moved by more than the tolerance as far as
 * the counts tell; `drifting`: the alarm was due, and stays until a person acknowledges it; `broken`: the same, and what moved is unseen values,
 * exceptions or failures; `blind`: too few requests yet to see a moderate shift.
 */
export const Verdict = Type.Object({
  state: Type.Union([
    Type.Literal('ok'),
    Type.Literal('drifting'),
    Type.Literal('broken'),
    Type.Literal('blind'),
  ]),
  /** Evidence of all streams together and where it is an alarm, by powers of ten. */
  evidence: Type.Number(),
  threshold: Type.Number(),
  falseAlarmsPerYear: Type.Number(),
  tolerance: Type.Number(),
  requestsAlike: Type.Number(),
  /** Streams, requests and buckets of five minutes that were judged. */
  streams: Type.Integer(),
  requests: Type.Integer(),
  buckets: Type.Integer(),
  /** RFC 3339: the first bucket that was judged, and the one in which the alarm was due. */
  from: Type.Optional(Type.String()),
  alarmAt: Type.Optional(Type.String()),
  /** What is named in the alarm, loudest first. */
  moved: Type.Array(Moved),
  /** Of `blind`: about so many more requests until a shift of 0.3 standard deviations would be found. */
  needs: Type.Optional(Type.Integer()),
  /** The last decision of a person; what is judged begins after it. */
  decision: Type.Optional(Decision),
});
export type Verdict = Static<typeof Verdict>;
