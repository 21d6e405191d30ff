import { setTimeout as sleep } from 'node:timers/promises';
import { GalleyError } from '@galley/api/error/galley-error';
import type { PathRow } from '@galley/api/http/messages';
import type { MonitorEvent, MonitorStatus } from '@galley/api/kind/monitor';
import { textOption } from '../program.ts';
import { safeText } from '../render/safe-text.ts';
import { table } from '../render/table.ts';
import type { Command, Context } from './command.ts';

export const command: Command = {
  summary: 'How inputs, predictions and code paths are distributed, against the reference',
  description:
    'Distances with the number of requests behind them, and beside each what sampling alone would give. No verdict is drawn from them yet. `paths` shows the paths through the scoring code.',
  examples: [
    'galley monitor flight-delay',
    'galley monitor flight-delay --watch',
    'galley monitor flight-delay paths',
  ],
  arguments: [
    { name: 'NAME', description: 'the application', completes: 'application' },
    { name: 'paths', description: 'the paths through the scoring code', optional: true },
  ],
  options: [
    { flags: '-w, --watch', description: 'again every 2 seconds, until Ctrl-C' },
    { flags: '--from <TIME>', description: 'only requests of this time and later (RFC 3339)' },
    { flags: '--to <TIME>', description: 'only requests before this time' },
  ],
  async run(input, context) {
    const [name = '', view] = input.args;
    if (view !== undefined && view !== 'paths') {
      throw new GalleyError('USAGE', `There is no view ${view} of a monitor.`, {
        hint: `galley monitor ${name} paths`,
      });
    }
    const from = textOption(input, 'from');
    const to = textOption(input, 'to');
    const query = { ...(from === undefined ? {} : { from }), ...(to === undefined ? {} : { to }) };
    const look = async (): Promise<{ text: string; value: unknown }> => {
      const client = await context.connect();
      const params = { project: context.project, name };
      if (view === 'paths') {
        const { paths, coverage } = await client.call('monitorPaths', { params, query });
        return { text: describePaths(paths, coverage), value: { paths, coverage } };
      }
      const status = await client.call('monitorStatus', { params, query });
      return { text: describeMonitor(name, status), value: status };
    };
    if (input.options['watch'] !== true) return { ...(await look()), names: [`monitor/${name}`] };
    await watch(look, context);
    return {};
  },
};

async function watch(look: () => Promise<{ text: string; value: unknown }>, context: Context): Promise<void> {
  while (!context.signal.aborted) {
    const { text, value } = await look();
    context.say(`\u001b[2J\u001b[H${text}`);
    context.data(value);
    await sleep(2000, undefined, { signal: context.signal }).catch(() => undefined);
  }
}

/** At most so many streams of a group are listed; the rest is counted. */
const shownPerGroup = 8;

export function describeMonitor(name: string, status: MonitorStatus): string {
  const head = [
    `Monitor ${name}: ${status.state}, ${status.requests.toLocaleString('en-US')} requests against a ${status.origin ?? 'missing'} reference of ${status.referenceRequests.toLocaleString('en-US')}` +
      `${status.lost > 0 ? `, ${status.lost} lost` : ''}${status.late > 0 ? `, ${status.late} late` : ''}`,
  ];
  if (status.requests === 0)
    return [...head, `No requests yet.\nNext: galley predict ${name} --help`].join('\n');
  const groups = [...new Set(status.streams.map((stream) => stream.group))];
  const rows = groups.flatMap((group) => {
    const streams = status.streams
      .filter((stream) => stream.group === group)
      .sort((a, b) => b.totalVariation - b.expectedBySampling - (a.totalVariation - a.expectedBySampling));
    const shown = streams
      .slice(0, shownPerGroup)
      .map((stream) => [
        safeText(stream.id),
        String(stream.n),
        stream.totalVariation.toFixed(3),
        stream.expectedBySampling.toFixed(3),
        stream.gained === undefined ? '' : moved(stream.gained),
        stream.lost === undefined ? '' : moved(stream.lost),
      ]);
    const rest = streams.length - shown.length;
    return rest > 0 ? [...shown, [`and ${rest} more of ${group}`]] : shown;
  });
  const header = ['STREAM', 'N', 'DISTANCE', 'BY SAMPLING', 'GAINED MOST', 'LOST MOST'];
  return [
    ...head,
    '',
    table(header, rows, ['left', 'right', 'right', 'right']),
    ...events(status.events),
  ].join('\n');
}

function moved(cell: { readonly cell: string; readonly from: number; readonly to: number }): string {
  return `${safeText(cell.cell).slice(0, 24)} ${percent(cell.from)} → ${percent(cell.to)}`;
}

function percent(share: number): string {
  return `${(share * 100).toFixed(1)} %`;
}

function events(all: readonly MonitorEvent[]): readonly string[] {
  if (all.length === 0) return [];
  return ['', 'First seen:', ...all.slice(-12).map((event) => `  ${describeEvent(event)}`)];
}

/** One line: when, what, where in the source. */
export function describeEvent(event: MonitorEvent): string {
  const place =
    event.notebook === undefined
      ? (event.function ?? event.stream)
      : `${event.notebook}${event.cell === undefined ? '' : ` cell ${event.cell}`}${event.line === undefined ? '' : ` line ${event.line}`}`;
  const source = event.source === undefined ? '' : `: ${safeText(event.source.trim())}`;
  return `${event.time}  ${event.kind} ${safeText(event.kind === 'category' ? `${event.stream} ${event.value}` : '')} ${safeText(place)}${source}`.replace(
    / +/g,
    ' ',
  );
}

function describePaths(paths: readonly PathRow[], coverage: unknown): string {
  if (paths.length === 0) return `No path is profiled: ${JSON.stringify(coverage ?? 'no reference')}`;
  const rows = paths.map((row) => [
    safeText(row.function),
    row.path,
    percent(row.reference),
    percent(row.now),
    row.fallback ? 'fallback' : '',
    `${row.file ?? row.notebook ?? ''}${row.cell === null ? '' : ` cell ${row.cell}`}`,
    row.lines.map(([, line]) => line).join(' '),
  ]);
  const header = ['FUNCTION', 'PATH', 'REFERENCE', 'NOW', '', 'WHERE', 'LINES'];
  return [
    table(header, rows, ['left', 'right', 'right', 'right']),
    '',
    `Coverage: ${JSON.stringify(coverage)}`,
  ].join('\n');
}
