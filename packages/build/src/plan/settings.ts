import type { GalleyYaml } from '@galley/api/kind/application';
import { resolveSpec } from '@galley/api/kind/application-defaults';
import type { BuildOptions } from '../build.ts';

/** What a build may use and reach, with every default filled in: the application ranks above galley.yaml (DESIGN.md §2). */
export interface BuildSettings {
  readonly memoryBytes: number;
  readonly cpus: number;
  readonly cellTimeoutMs: number;
  readonly timeoutMs: number;
  readonly egressHosts: readonly string[];
  readonly eventTimeColumn: string | undefined;
  readonly serviceMemoryBytes: number;
  readonly serviceCpus: number;
}

/** Pure. Hosts are added up: a flag allows further ones. */
export function resolveSettings(options: BuildOptions, file: GalleyYaml | undefined): BuildSettings {
  const resolved = resolveSpec({ ...file });
  return {
    memoryBytes: options.memoryBytes ?? resolved.buildMemoryBytes,
    cpus: options.cpus ?? resolved.buildCpus,
    cellTimeoutMs: options.cellTimeoutMs ?? resolved.cellTimeoutMs,
    timeoutMs: options.timeoutMs ?? resolved.buildTimeoutMs,
    egressHosts: [...new Set([...options.egressHosts, ...resolved.egressHosts])].sort(),
    eventTimeColumn: options.eventTimeColumn ?? file?.monitor?.eventTimeColumn,
    serviceMemoryBytes: resolved.serviceMemoryBytes,
    serviceCpus: resolved.serviceCpus,
  };
}
