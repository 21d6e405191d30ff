import type { MonitorStatus, StreamDistance } from '@galley/api/kind/monitor';

/** The stream of a group that lies farthest beyond what sampling gives, in units of its spread. */
export function farthest(status: MonitorStatus, group: string): StreamDistance | undefined {
  const excess = ({ totalVariation, expectedBySampling, samplingSpread }: StreamDistance): number =>
    samplingSpread === 0 ? 0 : (totalVariation - expectedBySampling) / samplingSpread;
  return status.streams.filter((stream) => stream.group === group).sort((a, b) => excess(b) - excess(a))[0];
}
