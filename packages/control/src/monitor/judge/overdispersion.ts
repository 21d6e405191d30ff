import { bucketMinutes, type StreamCounts } from './detector.ts';
import type { JudgedBucket } from './judging.ts';
import { piecesOf, type PiecesOf, type StreamShape } from './pieces.ts';
import { scale } from './stream-detector.ts';

/** Blocks of time over which requests may be alike, in buckets: 5 minutes, 1 hour, 6 hours, 1 day. */
const blockSizes = [1, 12, 72, 288].map((buckets) => ({ buckets, minutes: buckets * bucketMinutes }));
/** Of fewer blocks a variance says little. */
export const blocksLeast = 14;

/** How much more the counts of a stream vary from block to block than those of independent requests. */
export interface Overdispersion {
  readonly id: string;
  /** Variance over the multinomial's, of the piece and the blocks where it is largest; at least 1. */
  readonly factor: number;
  readonly minutes: number;
  /** Days that it was measured over: with fewer than 14 what is alike for a day has not shown. */
  readonly days: number;
}

interface Blocks {
  /** The block that is being filled. */
  block: number;
  requests: number;
  readonly counts: Float64Array;
  /** Over finished blocks: how many, their requests, by piece Σ S and Σ S²/n. */
  finished: number;
  all: number;
  readonly sums: Float64Array;
  readonly squares: Float64Array;
}

/**
 * Measures how much requests of one time are alike: per piece Pearson's statistic over blocks, Σ (S − n·p)²/(n·p·(1−p)) / (blocks − 1), with p the share of all blocks together.
 * What it measures is any variation, also a drift: measure where nothing is thought to have changed (MONITORS.md §6).
 */
export class OverdispersionMeter {
  private readonly streams: ReadonlyMap<
    string,
    { readonly pieces: PiecesOf; readonly blocks: readonly Blocks[] }
  >;

  constructor(streams: readonly (StreamShape & { readonly id: string })[]) {
    this.streams = new Map(
      streams.map((stream) => {
        const pieces = piecesOf(stream);
        const blocks = blockSizes.map(() => ({
          block: -1,
          requests: 0,
          counts: new Float64Array(stream.cells),
          finished: 0,
          all: 0,
          sums: new Float64Array(pieces.pieces.length),
          squares: new Float64Array(pieces.pieces.length),
        }));
        return [stream.id, { pieces, blocks }];
      }),
    );
  }

  /** Takes the next bucket, in the order of time. */
  add({ bucket, streams }: JudgedBucket): void {
    for (const [id, counted] of streams) {
      const own = this.streams.get(id);
      if (own === undefined || counted.n === 0) continue;
      for (const [size, blocks] of own.blocks.entries()) {
        const block = Math.floor(bucket / (blockSizes[size]?.buckets ?? 1));
        if (block !== blocks.block) finish(blocks, own.pieces);
        blocks.block = block;
        fill(blocks, counted);
      }
    }
  }

  /** The streams that vary most first; without those of which there are too few blocks. */
  measured(): readonly Overdispersion[] {
    return [...this.streams]
      .flatMap(([id, { pieces, blocks }]) => {
        for (const own of blocks) finish(own, pieces);
        const days = blocks.at(-1)?.finished ?? 0;
        const each = blocks.flatMap((own, size) => {
          const minutes = blockSizes[size]?.minutes ?? 0;
          return own.finished < blocksLeast ? [] : [{ id, factor: factorOf(own), minutes, days }];
        });
        return each.toSorted((a, b) => b.factor - a.factor).slice(0, 1);
      })
      .toSorted((a, b) => b.factor - a.factor);
  }
}

function fill(blocks: Blocks, { n, counts }: StreamCounts): void {
  blocks.requests += n;
  for (let cell = 0; cell < blocks.counts.length; cell += 1) {
    blocks.counts[cell] = (blocks.counts[cell] ?? 0) + (counts[cell] ?? 0) / scale;
  }
}

function finish(blocks: Blocks, { order, pieces }: PiecesOf): void {
  const { requests, counts, sums, squares } = blocks;
  if (requests === 0) return;
  for (const [piece, { from, to }] of pieces.entries()) {
    const held = order.slice(from, to).reduce((sum, cell) => sum + (counts[cell] ?? 0), 0);
    sums[piece] = (sums[piece] ?? 0) + held;
    squares[piece] = (squares[piece] ?? 0) + held ** 2 / requests;
  }
  blocks.finished += 1;
  blocks.all += requests;
  blocks.requests = 0;
  counts.fill(0);
}

/** The largest over pieces that are neither rare nor everything; 1 at least. */
function factorOf({ finished, all, sums, squares }: Blocks): number {
  const each = [...sums].map((sum, piece) => {
    const share = sum / all;
    if (share < 0.02 || share > 0.98) return 0;
    return ((squares[piece] ?? 0) - share * sum) / (share * (1 - share)) / (finished - 1);
  });
  return Math.max(1, ...each);
}
