import type { BenchRow } from '../row.ts';
import type { ServedExample } from './served.ts';

/** What the rehearsal of the build took, by its own clock, against importing and calling the predictor alone. */
export function rehearsalCost({ rehearsal }: ServedExample): BenchRow {
  const {
    importSeconds = Number.NaN,
    replaySeconds = Number.NaN,
    bareSeconds = Number.NaN,
  } = rehearsal.timing;
  return {
    what: 'rehearsal: the replay of the sample, counted and path-profiled',
    ours: `${replaySeconds.toFixed(2)} s`,
    peer: `${bareSeconds.toFixed(2)} s (the same calls, bare)`,
    ratio: `${(replaySeconds / bareSeconds).toFixed(2)}×`,
    target: '≤ 1.2×',
    note: `besides ${importSeconds.toFixed(2)} s of imports, and ${(rehearsal.timing['referenceSeconds'] ?? 0).toFixed(2)} s of making the reference`,
  };
}
