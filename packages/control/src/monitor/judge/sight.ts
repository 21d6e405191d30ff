import type { Limits } from './limits.ts';

/** Bets times sides that share a piece's weight: the evidence of one of them is diluted by so many (docs/design/monitors.md). */
const dilution = 8;
/** The shift that a monitor should see, in standard deviations of a share. */
const moderate = 0.3;

/**
 * About how many requests a stream needs until a moderate shift of a typical piece is found: the median over its pieces of ln(threshold · pieces · 8 /
 * weight) / KL(p + 0.3·√(p(1−p)) ‖ u). Undefined: its reference is too small for it, at any number of requests.
 */
export function requestsToSee(
  pieces: readonly { readonly share: number; readonly limits: Limits }[],
  threshold: number,
  weight: number,
): number | undefined {
  const log = Math.log((threshold * pieces.length * dilution) / weight);
  const needed = pieces
    .filter(({ share }) => share > 0.02 && share < 0.98)
    .map(({ share, limits: { upper } }) => {
      const shifted = share + moderate * Math.sqrt(share * (1 - share));
      return shifted <= upper ? Infinity : log / divergence(Math.min(shifted, 1), upper);
    })
    .sort((a, b) => a - b);
  const median = needed[Math.floor(needed.length / 2)];
  return median === undefined || !Number.isFinite(median) ? undefined : Math.ceil(median);
}

/** Kullback and Leibler's divergence of two chances, in nats. 0 < q < 1. */
function divergence(p: number, q: number): number {
  const part = (a: number, b: number): number => (a === 0 ? 0 : a * Math.log(a / b));
  return part(p, q) + part(1 - p, 1 - q);
}
