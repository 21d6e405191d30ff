import type { WorkloadRecord } from '../record.ts';

/** The doors to the outside that running workloads have. */
export interface Egress {
  /** Opens what the workload may have, before its start or at its adoption. Does nothing when it may have nothing. */
  open(record: WorkloadRecord): Promise<void>;
  /** Closes it, with every connection. Idempotent. */
  close(record: WorkloadRecord): Promise<void>;
  closeAll(): Promise<void>;
}
