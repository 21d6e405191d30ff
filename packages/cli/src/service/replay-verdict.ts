import { GalleyError } from '@galley/api/error/galley-error';
import { readRecordLine, type RecordHead } from '@galley/api/http/verdict-record';
import type { Verdict } from '@galley/api/kind/verdict';
import { isJudged, type JudgeSettings } from '@galley/control/monitor/judge/detector';
import { OverdispersionMeter, type Overdispersion } from '@galley/control/monitor/judge/overdispersion';
import { Judging } from '@galley/control/monitor/judge/judging';

/** A verdict made again from the counts alone, and the one that came with them. */
export interface Replayed {
  readonly revision: string;
  readonly verdict: Verdict;
  readonly recorded: Verdict;
  /** How much alike requests of one time are, by stream, most first. */
  readonly overdispersion: readonly Overdispersion[];
}

/**
 * Judges the lines of a record (`monitorRecord`) again, here. `settings` of one's own say what another budget or tolerance would have said. Throws `USAGE` when it is no
 * whole record.
 */
export async function replayVerdict(
  lines: AsyncIterable<unknown>,
  settings: Partial<JudgeSettings>,
): Promise<Replayed> {
  let begun: Begun | undefined;
  for await (const line of lines) {
    const read = readRecordLine(line);
    if (read === undefined) throw unusable('has a line that belongs to none');
    if ('head' in read) {
      const { head } = read;
      begun = {
        judging: new Judging(head.streams, { ...head.settings, ...settings }),
        revision: head.revision,
        meter: meterOf(head.streams),
      };
      continue;
    }
    if (begun === undefined) throw unusable('does not begin as a record does');
    if ('end' in read) {
      const { revision, judging, meter } = begun;
      return {
        revision,
        verdict: judging.verdict(),
        recorded: read.end.verdict,
        overdispersion: meter.measured(),
      };
    }
    const { bucket, requests, streams } = read.bucket;
    const judged = { bucket, requests, streams: new Map(streams.map((stream) => [stream.id, stream])) };
    begun.judging.add(judged);
    begun.meter.add(judged);
  }
  throw unusable('ends before its verdict');
}

interface Begun {
  readonly revision: string;
  readonly judging: Judging;
  readonly meter: OverdispersionMeter;
}

/** Of the streams that are judged. */
function meterOf(streams: RecordHead['streams']): OverdispersionMeter {
  return new OverdispersionMeter(
    streams
      .filter(isJudged)
      .map(({ id, kind, cells, edges, atoms }) => ({ id, kind, cells: cells.length, edges, atoms })),
  );
}

function unusable(problem: string): GalleyError {
  return new GalleyError('USAGE', `This record of a verdict ${problem}.`, {
    hint: 'galley monitor NAME replay --save FILE writes one.',
  });
}
