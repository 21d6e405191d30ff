import { isDeepStrictEqual } from 'node:util';
import type { ApplicationSpec } from '@galley/api/kind/application';
import { secretsOfPhase } from '../secret-use.ts';

/** True when two specs make the same image from the same source. How a service runs (replicas, limits, environment) is none of a build's business. */
export function sameBuildInputs(a: ApplicationSpec, b: ApplicationSpec): boolean {
  return isDeepStrictEqual(buildInputs(a), buildInputs(b));
}

function buildInputs(spec: ApplicationSpec): unknown {
  const secrets = secretsOfPhase(spec.secrets ?? [], 'build', () => '');
  return {
    source: spec.source,
    build: spec.build ?? {},
    hosts: spec.egress?.hosts ?? [],
    secrets,
    // By it the rehearsal tells the age of dates.
    eventTimeColumn: spec.monitor?.eventTimeColumn,
  };
}
