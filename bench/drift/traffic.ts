import type { StreamCounts } from '@galley/control/monitor/judge/detector';
import { scale } from '@galley/control/monitor/judge/stream-detector';
import type { SimulatedStream } from './population.ts';
import type { Random } from './random.ts';
import { Multinomial } from './shares.ts';

interface Source {
  readonly draw: Multinomial;
  readonly counted: { n: number; readonly counts: Float64Array };
}

/** Live requests of an application, a bucket at a time; streams are drawn apart from each other. */
export class Traffic {
  private readonly sources: readonly Source[];
  private readonly random: Random;
  /** The last bucket drawn; its counts are overwritten by the next. */
  readonly bucket: ReadonlyMap<string, StreamCounts>;

  constructor(streams: readonly SimulatedStream[], random: Random) {
    this.random = random;
    this.sources = streams.map(({ truth }) => ({
      draw: new Multinomial(truth),
      counted: { n: 0, counts: new Float64Array(truth.length) },
    }));
    this.bucket = new Map(
      streams.map(({ stream }, index) => [stream.id, (this.sources[index] as Source).counted]), // as many sources
    );
  }

  /** So many requests into `bucket`. `told`: what the judge is told instead, of a mutation. */
  draw(requests: number, told = requests): void {
    for (const { draw, counted } of this.sources) {
      draw.draw(requests, this.random, counted.counts);
      for (let cell = 0; cell < counted.counts.length; cell += 1) counted.counts[cell]! *= scale; // an index of the same array
      counted.n = told;
    }
  }
}
