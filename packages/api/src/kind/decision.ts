import Type, { type Static } from 'typebox';

/** What a person decides about a verdict. `acknowledge`: seen, judge anew from now; `accept`: what is counted since then is the new reference. */
export const DecisionInput = Type.Object(
  {
    kind: Type.Union([Type.Literal('acknowledge'), Type.Literal('accept')]),
    /** Who decides, as they call themselves. */
    by: Type.String({ minLength: 1, maxLength: 200 }),
    reason: Type.Optional(Type.String({ minLength: 1, maxLength: 1000 })),
    /** Of `accept`: RFC 3339; requests of this time and later. */
    since: Type.Optional(Type.String({ maxLength: 40 })),
  },
  { additionalProperties: false },
);
export type DecisionInput = Static<typeof DecisionInput>;

/** A decision that was taken. */
export const Decision = Type.Object({
  ...DecisionInput.properties,
  /** RFC 3339: when, and from which time of requests on is judged since. */
  time: Type.String(),
  judgedFrom: Type.String(),
  /** Of `accept`: requests of the new reference. */
  requests: Type.Optional(Type.Integer()),
  /** Of `accept` over 14 days or more: so many requests of a stream say as much as one that is independent of the others, by stream. */
  alike: Type.Optional(Type.Array(Type.Object({ id: Type.String(), factor: Type.Number() }))),
});
export type Decision = Static<typeof Decision>;
