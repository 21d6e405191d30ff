/**
 * numerator / denominator as the nearest double, ties to even: what Python's division of two integers gives, so both
 * languages show the same distance to the last bit. Both must be ≥ 0, the denominator > 0.
 */
export function ratio(numerator: bigint, denominator: bigint): number {
  if (numerator === 0n) return 0;
  // A quotient of at least 66 bits, and below it one sticky bit that says whether anything was cut off.
  const shift = BigInt(Math.max(0, 66 + bitLength(denominator) - bitLength(numerator)));
  const scaled = numerator << shift;
  const quotient = scaled / denominator;
  const sticky = quotient * denominator === scaled ? 0n : 1n;
  // Number() rounds a BigInt to nearest, ties to even; the power of two then divides without rounding.
  return Number((quotient << 1n) | sticky) / 2 ** (Number(shift) + 1);
}

function bitLength(value: bigint): number {
  return value.toString(2).length;
}
