import type { Random } from './random.ts';

/** Draws how many of n requests fall into each cell, for fixed shares. */
export class Multinomial {
  private readonly shares: readonly number[];
  private readonly ends: Float64Array;
  private readonly chances: Float64Array;
  private readonly others: Int32Array;

  constructor(shares: readonly number[]) {
    const whole = shares.reduce((sum, share) => sum + share, 0);
    this.shares = shares.map((share) => share / whole);
    this.ends = new Float64Array(shares.length);
    for (let cell = shares.length - 1, sum = 0; cell >= 0; cell -= 1) {
      sum += this.shares[cell] ?? 0;
      this.ends[cell] = sum;
    }
    ({ chances: this.chances, others: this.others } = aliases(this.shares));
  }

  /** Fills `counts` with whole requests. */
  draw(n: number, random: Random, counts: Float64Array): void {
    counts.fill(0);
    // One by one while that is cheaper than a binomial for each cell.
    if (n < 4 * this.shares.length) {
      for (let index = 0; index < n; index += 1) {
        const cell = this.one(random);
        counts[cell] = (counts[cell] ?? 0) + 1;
      }
      return;
    }
    let left = n;
    for (let cell = 0; cell < this.shares.length && left > 0; cell += 1) {
      const part = random.binomial(left, Math.min(1, (this.shares[cell] ?? 0) / (this.ends[cell] || 1)));
      counts[cell] = part;
      left -= part;
    }
  }

  /** The cell of one request (Walker's aliases). */
  one(random: Random): number {
    const at = random.next() * this.shares.length;
    const cell = Math.floor(at);
    return at - cell < (this.chances[cell] ?? 1) ? cell : (this.others[cell] ?? cell);
  }
}

function aliases(shares: readonly number[]): { chances: Float64Array; others: Int32Array } {
  const chances = Float64Array.from(shares, (share) => share * shares.length);
  const others = Int32Array.from(shares, (_, cell) => cell);
  const small = [...chances.keys()].filter((cell) => (chances[cell] ?? 0) < 1);
  const large = [...chances.keys()].filter((cell) => (chances[cell] ?? 0) >= 1);
  while (small.length > 0 && large.length > 0) {
    const low = small.pop() ?? 0;
    const high = large.pop() ?? 0;
    others[low] = high;
    chances[high] = (chances[high] ?? 0) - (1 - (chances[low] ?? 0));
    ((chances[high] ?? 0) < 1 ? small : large).push(high);
  }
  for (const cell of [...small, ...large]) chances[cell] = 1;
  return { chances, others };
}

/** Shares of a Zipf law over so many values. */
export function zipf(values: number, power: number): readonly number[] {
  const weights = Array.from({ length: values }, (_, rank) => (rank + 1) ** -power);
  const whole = weights.reduce((sum, weight) => sum + weight, 0);
  return weights.map((weight) => weight / whole);
}

/** Moves the share of a cell to `to`; the others keep their proportions. */
export function moved(shares: readonly number[], cell: number, to: number): readonly number[] {
  const from = shares[cell] ?? 0;
  return shares.map((share, index) => (index === cell ? to : (share * (1 - to)) / (1 - from)));
}
