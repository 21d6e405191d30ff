import type { LogLine } from '../engine.ts';

/** A line longer than this is cut into several: a workload may print gigabytes without a newline. */
const lineBytesMax = 256 * 1024;

/**
 * Reads the CRI log format (DESIGN.md §10): `time stream F|P text`, where P is a piece whose line goes on. Keeps the
 * pieces of both streams apart, because they interleave. Lines that are not in the format are left out.
 */
export class CriLineReader {
  readonly #pieces = { stdout: '', stderr: '' };

  /** The line that this one completes; undefined while pieces are missing. */
  read(line: string): LogLine | undefined {
    const match = /^(\S+) (stdout|stderr) ([FP]) ?(.*)$/s.exec(line);
    if (match === null) return undefined;
    const [, time = '', stream, tag, text = ''] = match;
    const of = stream === 'stderr' ? 'stderr' : 'stdout';
    const joined = this.#pieces[of] + text;
    if (tag === 'P' && joined.length < lineBytesMax) {
      this.#pieces[of] = joined;
      return undefined;
    }
    this.#pieces[of] = '';
    return { time: utcTime(time), stream: of, text: joined };
  }
}

/** RFC 3339 with nine digits and `Z`, so that times compare as text. conmon runs with TZ=UTC. */
export function utcTime(time: string): string {
  const match = /^(.{19})(?:\.(\d+))?(Z|[+-]\d\d:\d\d)$/.exec(time);
  if (match === null) return time;
  const [, seconds = '', fraction = '', zone = 'Z'] = match;
  const digits = fraction.padEnd(9, '0').slice(0, 9);
  if (zone === 'Z' || zone === '+00:00') return `${seconds}.${digits}Z`;
  return `${new Date(`${seconds}${zone}`).toISOString().slice(0, 19)}.${digits}Z`;
}
