import type { StreamDistance } from '@galley/api/kind/monitor';
import { ratio } from './ratio.ts';
import type { ReferenceStream } from './reference.ts';
import { countsRow, type StreamSum } from './stream-sums.ts';

/** How far a stream moved from its reference; undefined while one of the two has counted nothing. */
export function streamDistance(
  stream: ReferenceStream,
  sum: StreamSum | undefined,
): StreamDistance | undefined {
  const now = countsRow(sum, stream.cells.length);
  const reference = stream.counts.map(BigInt);
  const totalVariation = totalVariationOf(reference, now);
  if (sum === undefined || totalVariation === undefined) return undefined;
  const from = shares(reference);
  const to = shares(now);
  const moves = stream.cells.map((cell, index) => ({ cell, from: from[index] ?? 0, to: to[index] ?? 0 }));
  const gained = extreme(moves, (move) => move.to - move.from);
  const lost = extreme(moves, (move) => move.from - move.to);
  return {
    id: stream.id,
    group: stream.group,
    n: Number(sum.n),
    referenceN: stream.n,
    totalVariation,
    ...bySampling(reference, now, Number(sum.n), stream.n),
    ...(stream.learning === true ? { learning: true } : {}),
    jensenShannon: jensenShannonOf(from, to),
    ...(gained === undefined ? {} : { gained }),
    ...(lost === undefined ? {} : { lost }),
  };
}

/** ½·Σ|c/C − r/R| as ½·Σ|c·R − r·C| / (C·R): exact integers and one rounding at the end. Undefined when one is empty. */
function totalVariationOf(reference: readonly bigint[], now: readonly bigint[]): number | undefined {
  const whole = total(now);
  const referenceWhole = total(reference);
  if (whole === 0n || referenceWhole === 0n) return undefined;
  let difference = 0n;
  for (const [index, count] of now.entries()) {
    const apart = count * referenceWhole - (reference[index] ?? 0n) * whole;
    difference += apart < 0n ? -apart : apart;
  }
  return ratio(difference, 2n * whole * referenceWhole);
}

/** Jensen–Shannon distance, base 2: the square root of the divergence, 0 to 1 (Endres and Schindelin 2003). */
function jensenShannonOf(from: readonly number[], to: readonly number[]): number {
  let divergence = 0;
  for (const [index, q] of to.entries()) {
    const p = from[index] ?? 0;
    const middle = (p + q) / 2;
    divergence += part(p, middle) / 2 + part(q, middle) / 2;
  }
  // Rounding may leave it a hair outside.
  return Math.sqrt(Math.min(1, Math.max(0, divergence)));
}

/** p·log2(p/m), and 0 where p is 0. */
function part(p: number, middle: number): number {
  return p === 0 ? 0 : p * Math.log2(p / middle);
}

/**
 * Mean and standard deviation of the total variation when nothing moved. The difference of a cell's two shares is then about normal
 * with variance v = p(1−p)·(1/n + 1/N), p the share of both together; its absolute value has mean √(2v/π) and variance v·(1 − 2/π). Of k
 * cells only k − 1 are free: with two they go together wholly, hence the factor k/(k − 1).
 */
function bySampling(
  reference: readonly bigint[],
  now: readonly bigint[],
  n: number,
  referenceN: number,
): Pick<StreamDistance, 'expectedBySampling' | 'samplingSpread'> {
  if (n === 0 || referenceN === 0) return { expectedBySampling: 0, samplingSpread: 0 };
  const together = shares(now.map((count, index) => count + (reference[index] ?? 0n))).filter((p) => p > 0);
  const variances = together.map((p) => p * (1 - p) * (1 / n + 1 / referenceN));
  const mean = variances.reduce((sum, v) => sum + Math.sqrt((2 * v) / Math.PI), 0) / 2;
  const whole = variances.reduce((sum, v) => sum + v, 0) * (1 - 2 / Math.PI);
  const free = together.length < 2 ? 1 : together.length / (together.length - 1);
  // Of a handful of requests the normal is no longer near: no distance is above 1.
  return { expectedBySampling: Math.min(1, mean), samplingSpread: Math.sqrt(whole * free) / 2 };
}

/** The shares of a row; all 0 for an empty one. */
export function shares(counts: readonly bigint[]): readonly number[] {
  const whole = total(counts);
  return counts.map((count) => (whole === 0n ? 0 : ratio(count, whole)));
}

function total(counts: readonly bigint[]): bigint {
  return counts.reduce((sum, count) => sum + count, 0n);
}

interface Move {
  readonly cell: string;
  readonly from: number;
  readonly to: number;
}

/** The move that is largest in a sense; undefined when nothing moved that way. */
function extreme(moves: readonly Move[], size: (move: Move) => number): Move | undefined {
  let best: Move | undefined;
  for (const move of moves) {
    if (size(move) > 0 && (best === undefined || size(move) > size(best))) best = move;
  }
  return best;
}
