import type { Condition } from '@galley/api/kind/object';

/** A condition as a plan decides it. */
export interface ConditionDraft {
  readonly type: string;
  readonly status: Condition['status'];
  readonly reason: string;
  readonly message: string;
}

/** Conditions for a status: the time of the last transition stays while the status of a condition does. */
export function conditionsOf(
  before: readonly Condition[],
  drafts: readonly ConditionDraft[],
  observedGeneration: number,
  now: number,
): Condition[] {
  return drafts.map((draft) => {
    const former = before.find((condition) => condition.type === draft.type);
    const since =
      former !== undefined && former.status === draft.status
        ? former.lastTransitionTime
        : new Date(now).toISOString();
    return { ...draft, observedGeneration, lastTransitionTime: since };
  });
}

export function findCondition(conditions: readonly Condition[], type: string): Condition | undefined {
  return conditions.find((condition) => condition.type === type);
}
