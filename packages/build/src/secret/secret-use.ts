import type { SecretUse } from '@galley/api/kind/secret-use';

/** Opens a secret of the project. Throws `SECRET_NOT_FOUND`, `SECRET_UNREADABLE`. */
export type Reveal = (name: string) => string;

/** What a workload gets of secrets. */
export interface WorkloadSecrets {
  /** Values by path inside: for `Workload.secrets`. */
  readonly files: Readonly<Record<string, string>>;
  /** For `Workload.env`: names only. The runtime takes the values from their files, so that none is in a specification. */
  readonly env: Readonly<Record<string, string>>;
}

/** The secrets of a build: of the run that trains, and of what plays the service. */
export interface BuildSecrets {
  readonly build: WorkloadSecrets;
  readonly service: WorkloadSecrets;
}

/** Tells the runtime which secrets become variables of its environment; names, with commas between. */
export const secretEnvVariable = 'GALLEY_SECRET_ENV';

/** Where a secret lies inside a workload: the path that Docker and Compose made the convention. */
function secretPath(name: string): string {
  return `/run/secrets/${name}`;
}

/** The application's uses over those of the repository's galley.yaml, by name (DESIGN.md §2: flag > object > file). */
export function mergeSecretUses(
  file: readonly SecretUse[] | undefined,
  object: readonly SecretUse[] | undefined,
): readonly SecretUse[] {
  const named = new Map((file ?? []).map((use) => [use.name, use]));
  for (const use of object ?? []) named.set(use.name, use);
  return [...named.values()];
}

/** The uses of one phase; one that names no phase is for both. */
export function usesOfPhase(uses: readonly SecretUse[], phase: 'build' | 'service'): readonly SecretUse[] {
  return uses.filter((use) => use.phases === undefined || use.phases.includes(phase));
}

/** The environment that tells the runtime about `as: env`; empty without one, so that nothing changes for whoever has none. */
export function secretEnv(uses: readonly SecretUse[]): Readonly<Record<string, string>> {
  const names = uses.filter((use) => use.as === 'env').map((use) => use.name);
  return names.length === 0 ? {} : { [secretEnvVariable]: names.sort().join(',') };
}

/** The secrets of one phase, opened. Throws what `reveal` throws. */
export function secretsOfPhase(
  uses: readonly SecretUse[],
  phase: 'build' | 'service',
  reveal: Reveal,
): WorkloadSecrets {
  const chosen = usesOfPhase(uses, phase);
  return {
    files: Object.fromEntries(chosen.map(({ name }) => [secretPath(name), reveal(name)])),
    env: secretEnv(chosen),
  };
}
