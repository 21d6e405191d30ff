import { openBuildHome } from '../tests/e2e/build-home.ts';
import type { BenchRow } from './row.ts';
import { buildExample } from './service/served.ts';
import { rehearsalCost } from './service/rehearsal.ts';
import { replicaStart } from './service/replica-start.ts';
import { scoring } from './service/scoring.ts';

/** The example's service image, built once: its start, its answers, its rehearsal. */
export async function service({ signal }: { readonly signal: AbortSignal }): Promise<readonly BenchRow[]> {
  const home = await openBuildHome();
  try {
    const served = await buildExample(home, 'flight-delay');
    return [await replicaStart(served, signal), await scoring(served, signal), rehearsalCost(served)];
  } finally {
    await home.dispose();
  }
}
