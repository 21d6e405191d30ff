import type { Static } from 'typebox';
import type { SecretUse } from '@galley/api/kind/application';

type Use = Static<typeof SecretUse>;

/** Where a secret lies inside a workload: the path that Docker and Compose made the convention. */
export function secretPath(name: string): string {
  return `/run/secrets/${name}`;
}

/** The secrets of one phase by their path inside; a use that names no phase is for both. */
export function secretsOfPhase(
  uses: readonly Use[],
  phase: 'build' | 'service',
  reveal: (name: string) => string,
): Record<string, string> {
  const chosen = uses.filter((use) => use.phases === undefined || use.phases.includes(phase));
  return Object.fromEntries(chosen.map((use) => [secretPath(use.name), reveal(use.name)]));
}
