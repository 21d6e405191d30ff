import { existsSync, readFileSync } from 'node:fs';

/** What this process may hand on: more than this and runc fails with "operation not permitted" (engine.md §1.1). */
export interface HostLimits {
  readonly openFiles: number;
  /** Nobody may be made less likely to be killed than we are. */
  readonly oomScoreAdj: number;
  /** False: the kernel does not count swap, and asking for a limit fails. */
  readonly swapCounted: boolean;
}

/** Reads the limits of this process. */
export function readHostLimits(): HostLimits {
  const match = /^Max open files\s+\S+\s+(\S+)/m.exec(readFileSync('/proc/self/limits', 'utf8'));
  const hard = match?.[1] ?? '1024';
  return {
    openFiles: hard === 'unlimited' ? 1_048_576 : Number(hard),
    oomScoreAdj: Number(readFileSync('/proc/self/oom_score_adj', 'utf8')),
    swapCounted:
      existsSync('/sys/fs/cgroup/memory/memory.memsw.limit_in_bytes') ||
      existsSync('/sys/fs/cgroup/cgroup.controllers'),
  };
}
