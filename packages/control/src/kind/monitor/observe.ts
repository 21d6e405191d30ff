import type { Monitor } from '@galley/api/kind/monitor';
import type { MonitorDesk } from '../../monitor/monitor-desk.ts';
import type { Seen } from '../../monitor/monitor-status.ts';

/** A monitor and what its counts say now. */
export interface ObservedMonitor {
  readonly monitor: Monitor;
  readonly seen: Seen;
}

export async function observeMonitor(monitor: Monitor, desk: MonitorDesk): Promise<ObservedMonitor> {
  const { namespace } = monitor.metadata;
  return { monitor, seen: await desk.look(namespace, monitor.spec.application, {}) };
}
