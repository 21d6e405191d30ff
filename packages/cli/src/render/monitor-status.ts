import { countOf } from '@galley/api/kind/count';
import {
  byExcess,
  type MonitorEvent,
  type MonitorStatus,
  type StreamDistance,
} from '@galley/api/kind/monitor';
import { eventCells } from './monitor-event.ts';
import { safeLine } from './safe-text.ts';
import { bySampling, percent } from './share.ts';
import { shorten } from './shorten.ts';
import { streamName } from './stream-name.ts';
import { table } from './table.ts';
import { describeVerdict } from './verdict.ts';

/** At most so many streams of a group are listed, and so many sightings; the rest is counted. */
const shown = { streams: 8, events: 12 };

/** `galley monitor NAME` for people. `windowed`: only a part of time was asked for. */
export function describeMonitor(name: string, status: MonitorStatus, windowed: boolean): string {
  const parts = [
    headOf(name, status),
    ...status.problems.map((problem) => `Not counted: ${safeLine(problem)}`),
  ];
  if (status.revision === undefined) return [...parts, `Next: galley status ${name}`].join('\n');
  if (status.state === 'learning') {
    parts.push(
      'There is no reference to compare with: there was no sample when it was built.',
      'Next: bind `reference` in a cell (rows as the service gets them), or lay reference.csv beside a saved model; then galley deploy.',
    );
  } else if (status.requests === 0) {
    parts.push(
      windowed
        ? 'No request lies in this window: see it without --from and --to.'
        : `No requests yet.\nNext: galley predict ${name} --help`,
    );
  }
  const blocks = [parts.join('\n')];
  if (status.verdict !== undefined && status.requests > 0) blocks.push(describeVerdict(status.verdict));
  if (status.streams.length > 0) blocks.push(streamsTable(status.streams), legend);
  if (status.events.length > 0) blocks.push(eventsTable(status.events));
  return blocks.join('\n\n');
}

const legend =
  'DISTANCE: total variation from the reference, 0 to 1. BY SAMPLING: what so few requests give when nothing moved.\n' +
  'All streams: -o json. What the verdict follows from: galley monitor NAME replay. Paths with their lines: galley monitor NAME paths.';

function headOf(name: string, status: MonitorStatus): string {
  if (status.revision === undefined) return `Monitor ${name}: nothing serves yet.`;
  const also = (['refused', 'failures', 'lost', 'late'] as const)
    .filter((which) => status[which] > 0)
    .map((which) => `${status[which].toLocaleString('en-US')} ${which === 'failures' ? 'failed' : which}`);
  const reference =
    status.origin === undefined
      ? ''
      : `, against ${countOf(status.referenceRequests, 'request')} of the reference (${safeLine(status.origin)})`;
  const tail = also.length === 0 ? '' : `; ${also.join(', ')}`;
  return `Monitor ${name}: ${countOf(status.requests, 'request')} to ${status.revision}${reference}${tail}`;
}

function streamsTable(streams: readonly StreamDistance[]): string {
  const groups = [...new Set(streams.map((stream) => stream.group))];
  const rows = groups.flatMap((group) => {
    const ofGroup = streams.filter((stream) => stream.group === group).sort(byExcess);
    const listed = ofGroup.slice(0, shown.streams);
    const rest = ofGroup.length - listed.length;
    return [
      [safeLine(group)],
      ...listed.map(streamCells),
      ...(rest > 0 ? [[`  and ${rest} more that moved less`]] : []),
    ];
  });
  const header = ['', 'REQUESTS', 'DISTANCE', 'BY SAMPLING', 'MOVED MOST', ''];
  return table(header, rows, ['left', 'right', 'right', 'right']);
}

function streamCells(stream: StreamDistance): readonly string[] {
  const { gained, lost, learning } = stream;
  return [
    `  ${streamName(stream)}`,
    stream.n.toLocaleString('en-US'),
    learning === true ? 'learning' : stream.totalVariation.toFixed(3),
    learning === true ? '' : bySampling(stream.expectedBySampling, stream.samplingSpread),
    ...movedCells(size(lost) > size(gained) ? lost : gained),
  ];
}

function size(cell: StreamDistance['gained']): number {
  return cell === undefined ? 0 : Math.abs(cell.to - cell.from);
}

function movedCells(cell: StreamDistance['gained']): readonly [name: string, shares: string] {
  // Less than can be shown is nothing to show.
  if (cell === undefined || size(cell) < 0.0005) return ['', ''];
  return [shorten(safeLine(cell.cell), 24), `${percent(cell.from)} → ${percent(cell.to)}`];
}

function eventsTable(events: readonly MonitorEvent[]): string {
  const newest = events.slice(-shown.events);
  const earlier = events.length - newest.length;
  const title =
    earlier > 0
      ? `Seen for the first time (the last ${newest.length} of ${events.length})`
      : 'Seen for the first time';
  return `${title}\n${table(['WHEN', 'WHAT', 'WHERE', 'NEW THERE'], newest.map(eventCells))}`;
}
