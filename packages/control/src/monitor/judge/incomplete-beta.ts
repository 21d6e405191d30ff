const halfLog2Pi = 0.9189385332046727;

/** ln Γ(x) for x > 0, to about 1e-14: Stirling's series, after stepping x up to where it converges. */
export function logGamma(x: number): number {
  let shift = 0;
  let at = x;
  while (at < 12) {
    shift += Math.log(at);
    at += 1;
  }
  const inverse = 1 / at;
  const square = inverse * inverse;
  const series =
    inverse * (1 / 12 - square * (1 / 360 - square * (1 / 1260 - square * (1 / 1680 - square / 1188))));
  return (at - 0.5) * Math.log(at) - at + halfLog2Pi + series - shift;
}

/** The regularised incomplete beta function I_x(a, b): the chance that a Beta(a, b) variable is at most x. a, b > 0. */
export function incompleteBeta(x: number, a: number, b: number): number {
  if (x <= 0) return 0;
  if (x >= 1) return 1;
  // The fraction converges fast on this side of the mean; the other side is its mirror image.
  return x < (a + 1) / (a + b + 2) ? lowerTail(x, a, b) : 1 - lowerTail(1 - x, b, a);
}

/** The x with I_x(a, b) = chance, to about 1e-12 of it. Newton's steps, and halves of the bracket where they leave it. */
export function betaQuantile(chance: number, a: number, b: number): number {
  let low = 0;
  let high = 1;
  let x = a / (a + b);
  const logBeta = logGamma(a) + logGamma(b) - logGamma(a + b);
  for (let step = 0; step < 200; step += 1) {
    const excess = incompleteBeta(x, a, b) - chance;
    if (excess > 0) high = x;
    else low = x;
    if (excess === 0 || high - low <= 1e-14 * high) break;
    const density = Math.exp((a - 1) * Math.log(x) + (b - 1) * Math.log1p(-x) - logBeta);
    const next = x - excess / density;
    const middle = (low + high) / 2;
    const within = next > low && next < high ? next : middle;
    // Steps that no longer move: as near as doubles come.
    if (Math.abs(within - x) <= 1e-13 * x) return within;
    x = within;
  }
  return x;
}

/** I_x(a, b) by its continued fraction (Lentz's method), for x at or below the mean. */
function lowerTail(x: number, a: number, b: number): number {
  const logFront =
    a * Math.log(x) + b * Math.log1p(-x) + logGamma(a + b) - logGamma(a) - logGamma(b) - Math.log(a);
  let c = 1;
  let d = away(1 - ((a + b) * x) / (a + 1));
  let fraction = d;
  for (let m = 1; m <= 5000; m += 1) {
    const even = (m * (b - m) * x) / ((a + 2 * m - 1) * (a + 2 * m));
    d = away(1 + even * d);
    c = 1 + even / c;
    fraction *= d * c;
    const odd = (-(a + m) * (a + b + m) * x) / ((a + 2 * m) * (a + 2 * m + 1));
    d = away(1 + odd * d);
    c = 1 + odd / c;
    const change = d * c;
    fraction *= change;
    if (Math.abs(change - 1) < 1e-15) break;
  }
  return Math.exp(logFront) * fraction;
}

/** One over a number that rounding may have made 0. */
function away(value: number): number {
  return 1 / (Math.abs(value) < 1e-300 ? 1e-300 : value);
}
