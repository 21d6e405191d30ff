import type { WorkloadLimits } from '../../engine.ts';
import type { HostLimits } from './host-limits.ts';

const cpuPeriod = 100_000;
/** The kernel refuses a quota below 1 ms. */
const cpuQuotaMin = 1_000;

/** `linux.resources` of the OCI runtime specification: devices denied first, no swap, then what the workload may use. */
export function resourcesOf(limits: WorkloadLimits, host: HostLimits, unified: boolean): object {
  return {
    devices: [{ allow: false, access: 'rwm' }],
    memory: {
      limit: limits.memoryBytes,
      ...(host.swapCounted ? { swap: limits.memoryBytes } : {}),
      disableOOMKiller: false,
    },
    cpu: {
      shares: Math.max(2, Math.round(limits.cpus * 1024)),
      quota: Math.max(cpuQuotaMin, Math.round(limits.cpus * cpuPeriod)),
      period: cpuPeriod,
    },
    pids: { limit: limits.pids },
    // One process killed for memory takes the rest with it; half a workload is of no use (engine.md §1.2).
    ...(unified ? { unified: { 'memory.oom.group': '1' } } : {}),
  };
}
