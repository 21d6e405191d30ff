/** Φ(x), by Taylor's series near 0 and the continued fraction of the tail far from it; to about 1e-13. */
export function normalShare(x: number): number {
  if (Math.abs(x) < 3) {
    let term = x;
    let sum = x;
    for (let n = 1; Math.abs(term) > 1e-16; n += 1) {
      term *= (x * x) / (2 * n + 1);
      sum += term;
    }
    return 0.5 + (sum * Math.exp((-x * x) / 2)) / Math.sqrt(2 * Math.PI);
  }
  let fraction = Math.abs(x);
  for (let n = 60; n >= 1; n -= 1) fraction = Math.abs(x) + n / fraction;
  const tail = Math.exp((-x * x) / 2) / Math.sqrt(2 * Math.PI) / fraction;
  return x < 0 ? tail : 1 - tail;
}

/** The x with Φ(x) = share, by halving. */
export function normalQuantile(share: number): number {
  let low = -40;
  let high = 40;
  for (let step = 0; step < 100; step += 1) {
    const middle = (low + high) / 2;
    if (normalShare(middle) < share) low = middle;
    else high = middle;
  }
  return (low + high) / 2;
}

/** Shares of consecutive bins of a standard normal, for any shift of its mean. */
export function shiftable(shares: readonly number[]): (shift: number) => readonly number[] {
  let before = 0;
  const edges = shares.map((share, bin) => {
    before += share;
    return bin === shares.length - 1 ? Infinity : normalQuantile(Math.min(before, 1));
  });
  return (shift) => {
    const under = edges.map((edge) => (edge === Infinity ? 1 : normalShare(edge - shift)));
    return under.map((share, bin) => share - (under[bin - 1] ?? 0));
  };
}
