import type { Limits } from './limits.ts';
import type { PiecesOf } from './pieces.ts';

/** Counts are shares times 2^20 (docs/design/wire.md). */
export const scale = 2 ** 20;
/** Sizes of the bet on a move: small ones find small moves, large ones find rare cells that fill (docs/design/monitors.md). */
const bets = [0.1, 0.3, 1, 3] as const;
/** A bucket that speaks so clearly against a move leaves no evidence of it: saves its exponential, and only ever lowers evidence. */
const hopeless = -40;
/** Evidence stops growing here, far beyond every alarm: no overflow. */
const most = 1e300;

/** A piece on one side of its limits. */
export interface Side {
  readonly piece: number;
  readonly above: boolean;
  readonly evidence: number;
}

/**
 * Evidence that a stream has moved: the mean of a Shiryaev–Roberts statistic over pieces, sides and bets. While requests are
 * independent and shares lie within the limits, its expectation after t buckets is at most t. What it holds is all that it remembers.
 */
export class StreamDetector {
  /** By side and bet. */
  private readonly evidences: Float64Array;
  private readonly sides: readonly { readonly piece: number; readonly above: boolean }[];
  private readonly from: Int32Array;
  private readonly to: Int32Array;
  private readonly sign: Float64Array;
  /** What a bet costs per request: ln(1 − u + u·e^η). */
  private readonly costs: Float64Array;
  private readonly order: Int32Array;
  private readonly sums: Float64Array;
  private readonly alike: number;
  private total = 0;

  /** `alike`: so many requests count as one. */
  constructor({ order, pieces }: PiecesOf, limits: readonly Limits[], alike: number) {
    this.alike = alike;
    this.order = Int32Array.from(order);
    this.sums = new Float64Array(order.length + 1);
    const sides = pieces.flatMap(({ from, to }, piece) => {
      const { lower, upper } = limits[piece] ?? { lower: 0, upper: 1 };
      return [
        ...(upper < 1 ? [{ piece, from, to, above: true, limit: upper }] : []),
        ...(lower > 0 ? [{ piece, from, to, above: false, limit: lower }] : []),
      ];
    });
    this.sides = sides;
    this.from = Int32Array.from(sides, ({ from }) => from);
    this.to = Int32Array.from(sides, ({ to }) => to);
    this.sign = Float64Array.from(sides, ({ above }) => (above ? 1 : -1) / scale / alike);
    this.costs = Float64Array.from(
      sides.flatMap(({ above, limit }) =>
        bets.map((bet) => Math.log1p(limit * Math.expm1(above ? bet : -bet))),
      ),
    );
    this.evidences = new Float64Array(this.costs.length);
  }

  /** Whether anything of it can be judged at all. */
  get judges(): boolean {
    return this.sides.length > 0;
  }

  /** The mean; about 1 a bucket at most while nothing moved, mostly far less. */
  get evidence(): number {
    return this.total;
  }

  /** Takes a bucket of `requests` (more than 0) with its counts by cell, in units of 1/2^20: whole numbers, below 2^53. */
  add(requests: number, counts: ArrayLike<number>): void {
    const { order, sums, from, to, sign, costs, evidences } = this;
    // `as number` below: indexes of arrays that the constructor made as long; this loop is all that judging costs.
    let sum = 0;
    for (let index = 0; index < order.length; index += 1) {
      sum += counts[order[index] as number] ?? 0;
      sums[index + 1] = sum;
    }
    const independent = requests / this.alike;
    let total = 0;
    for (let side = 0, at = 0; side < from.length; side += 1) {
      const gain =
        ((sums[to[side] as number] as number) - (sums[from[side] as number] as number)) *
        (sign[side] as number);
      for (let bet = 0; bet < bets.length; bet += 1, at += 1) {
        const exponent = (bets[bet] as number) * gain - independent * (costs[at] as number);
        const grown =
          exponent < hopeless ? 0 : Math.min(most, ((evidences[at] as number) + 1) * Math.exp(exponent));
        evidences[at] = grown;
        total += grown;
      }
    }
    this.total = evidences.length === 0 ? 0 : total / evidences.length;
  }

  /** The side that speaks loudest. */
  loudest(): Side | undefined {
    let best: Side | undefined;
    for (const [index, { piece, above }] of this.sides.entries()) {
      const own = this.evidences.subarray(index * bets.length, (index + 1) * bets.length);
      const evidence = own.reduce((a, b) => a + b, 0) / bets.length;
      if (best === undefined || evidence > best.evidence) best = { piece, above, evidence };
    }
    return best;
  }

  /** Forgets all evidence. */
  reset(): void {
    this.evidences.fill(0);
    this.total = 0;
  }

  /** All it remembers, to be kept; `restore` takes it back. */
  remembered(): Float64Array {
    return this.evidences.slice();
  }

  /** @throws when it was not this detector that remembered. */
  restore(remembered: Float64Array): void {
    if (remembered.length !== this.evidences.length) throw new Error('evidence of another stream');
    this.evidences.set(remembered);
    this.total =
      remembered.length === 0 ? 0 : remembered.reduce((sum, each) => sum + each, 0) / remembered.length;
  }
}
