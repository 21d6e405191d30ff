import type { ApplicationSpec } from './application.ts';
import { parseDurationMs } from './duration.ts';
import { parseBytes, parseCpus } from './quantity.ts';

/** An application's spec with every default filled in and every quantity read; limits as OpenShift's sandbox gives them. */
export interface ResolvedSpec {
  readonly notebooks: readonly string[];
  readonly python: string;
  readonly buildMemoryBytes: number;
  readonly buildCpus: number;
  readonly cellTimeoutMs: number;
  readonly buildTimeoutMs: number;
  readonly egressHosts: readonly string[];
  readonly replicas: number;
  readonly serviceMemoryBytes: number;
  readonly serviceCpus: number;
}

/** Defaults beside their reason: 4 GiB trains the examples ten times over, 1 GiB serves pandas and scikit-learn (about 170 MB resident). */
const defaults = {
  buildMemory: '4Gi',
  buildCpu: '2',
  buildTimeout: '2h',
  cellTimeout: '0s',
  serviceMemory: '1Gi',
  serviceCpu: '1',
};

export function resolveSpec(spec: Omit<ApplicationSpec, 'source'>): ResolvedSpec {
  const build = spec.build ?? {};
  const limits = spec.service?.resources?.limits ?? {};
  return {
    notebooks: build.notebooks ?? [],
    python: build.python ?? '',
    buildMemoryBytes: parseBytes(build.resources?.limits?.memory ?? defaults.buildMemory) ?? 0,
    buildCpus: parseCpus(build.resources?.limits?.cpu ?? defaults.buildCpu) ?? 0,
    cellTimeoutMs: parseDurationMs(build.cellTimeout ?? defaults.cellTimeout) ?? 0,
    buildTimeoutMs: parseDurationMs(build.timeout ?? defaults.buildTimeout) ?? 0,
    egressHosts: spec.egress?.hosts ?? [],
    replicas: spec.service?.replicas?.min ?? 1,
    serviceMemoryBytes: parseBytes(limits.memory ?? defaults.serviceMemory) ?? 0,
    serviceCpus: parseCpus(limits.cpu ?? defaults.serviceCpu) ?? 0,
  };
}
