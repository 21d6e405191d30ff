/** Exponential back-off with a cap. */
export interface BackOff {
  readonly firstMs: number;
  readonly capMs: number;
}

/** Of the driver, after a reconcile that threw: half a second doubling to a minute. */
export const reconcileBackOff: BackOff = { firstMs: 500, capMs: 60_000 };

/** Of a replica that ended, as the kubelet's: 10 s doubling to 5 min (engine.md §1.5). */
export const restartBackOff: BackOff = { firstMs: 10_000, capMs: 300_000 };

/** How long to wait after the `failures`-th failure in a row; 0 failures: not at all. */
export function backOffMs(backOff: BackOff, failures: number): number {
  if (failures <= 0) return 0;
  // 2 ** 40 is far beyond every cap and still exact.
  return Math.min(backOff.capMs, backOff.firstMs * 2 ** Math.min(failures - 1, 40));
}
