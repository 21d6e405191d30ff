import { isDeepStrictEqual } from 'node:util';
import type { ApplicationSpec } from '@galley/api/kind/application';
import { usesOfPhase } from '@galley/build/secret/secret-use';

/** True when two specs make the same image from the same source. How a service runs (replicas, limits, environment) is none of a build's business. */
export function sameBuildInputs(a: ApplicationSpec, b: ApplicationSpec): boolean {
  return isDeepStrictEqual(buildInputs(a), buildInputs(b));
}

function buildInputs(spec: ApplicationSpec): unknown {
  const secrets = usesOfPhase(spec.secrets ?? [], 'build');
  return {
    source: spec.source,
    build: spec.build ?? {},
    hosts: spec.egress?.hosts ?? [],
    secrets,
    // By it the rehearsal tells the age of dates.
    eventTimeColumn: spec.monitor?.eventTimeColumn,
  };
}
