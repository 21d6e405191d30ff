import { userInfo } from 'node:os';
import { resolve } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { GalleyError } from '@galley/api/error/galley-error';
import type { Client } from '@galley/api/http/client';
import { textOption } from '../program.ts';
import { describePaths } from '../render/monitor-paths.ts';
import { describeMonitor } from '../render/monitor-status.ts';
import { describeDecision, describeReplay } from '../render/verdict.ts';
import { findApplication } from '../service/find.ts';
import { refuseOtherViewsFlags } from '../service/monitor-flags.ts';
import { decide, isSame, replayFile, replayRecorded, type MonitorAddress } from '../service/monitor-views.ts';
import type { Command, Context, Input, Result } from './command.ts';

const views = ['paths', 'replay', 'ack', 'accept'] as const;

export const command: Command = {
  summary: 'Whether inputs, predictions and code paths still look like the reference',
  description:
    'The verdict with what moved, by how much and since when; distances with the number of requests behind them. An alarm stays until somebody answers it: `ack` has seen it and judges anew from now, `accept` makes the requests counted --since a time the new reference. `replay` makes the verdict again, here, from the recorded counts; with another budget or tolerance it says what those would have said; it also measures how much alike requests of a day are. `paths` shows the paths through the scoring code and what each decides.',
  examples: [
    'galley monitor flight-delay',
    'galley monitor flight-delay --watch',
    'galley monitor flight-delay paths',
    'galley monitor flight-delay --from 2013-04-01T00:00:00Z --to 2013-05-01T00:00:00Z',
    'galley monitor flight-delay replay --false-alarms-per-year 1',
    'galley monitor flight-delay replay --save counts.jsonl',
    'galley monitor flight-delay replay --file counts.jsonl',
    'galley monitor flight-delay ack --reason "the feed is back"',
    'galley monitor flight-delay accept --since 2013-07-01T00:00:00Z --reason "summer is summer"',
  ],
  arguments: [
    { name: 'NAME', description: 'the application', completes: 'application' },
    { name: 'VIEW', description: 'paths, replay, ack or accept; without one, the verdict', optional: true },
  ],
  options: [
    { flags: '-w, --watch', description: 'again every 2 seconds, until Ctrl-C' },
    { flags: '--from <TIME>', description: 'only requests of this time and later (RFC 3339)' },
    { flags: '--to <TIME>', description: 'only requests before this time' },
    { flags: '--save <FILE>', description: 'replay: also write the recorded counts to a file' },
    { flags: '--file <FILE>', description: 'replay: from such a file, without a server' },
    { flags: '--false-alarms-per-year <N>', description: 'replay: under this budget instead' },
    { flags: '--tolerance <H>', description: 'replay: under this tolerance instead, in standard deviations' },
    { flags: '--requests-alike <N>', description: 'replay: as if so many requests said as much as one' },
    { flags: '--since <TIME>', description: 'accept: requests of this time and later (RFC 3339)' },
    { flags: '--reason <TEXT>', description: 'ack, accept: why, for those who come later' },
    { flags: '--by <WHO>', description: 'ack, accept: who decides; the name of the user unless given' },
  ],
  async run(input, context) {
    const [name = '', view] = input.args;
    const address = { project: context.project, name };
    if (view !== undefined && !views.some((known) => known === view)) {
      throw new GalleyError('USAGE', `There is no view ${view} of a monitor.`, {
        hint: `galley monitor ${name} paths, replay, ack or accept`,
      });
    }
    refuseOtherViewsFlags(input, name, view);
    if (view === 'replay') return replay(input, address, context);
    const client = await context.connect();
    await findApplication(client, name, context.project);
    if (view === 'ack' || view === 'accept') return answer(input, address, { client, view });
    const from = textOption(input, 'from');
    const to = textOption(input, 'to');
    const query = { ...(from === undefined ? {} : { from }), ...(to === undefined ? {} : { to }) };
    const look = (): Promise<View> => lookAt(client, { ...address, view }, query);
    if (input.options['watch'] !== true) return { ...(await look()), names: [`monitor/${name}`] };
    await watch(look, context);
    return {};
  },
};

interface View {
  readonly text: string;
  readonly value: unknown;
}

async function lookAt(
  client: Client,
  { project, name, view }: MonitorAddress & { readonly view: string | undefined },
  query: { readonly from?: string; readonly to?: string },
): Promise<View> {
  const params = { project, name };
  if (view === 'paths') {
    const { functions, coverage } = await client.call('monitorPaths', { params, query });
    return { text: describePaths(name, functions, coverage), value: { functions, coverage } };
  }
  const status = await client.call('monitorStatus', { params, query });
  const windowed = query.from !== undefined || query.to !== undefined;
  return { text: describeMonitor(name, status, windowed), value: status };
}

async function replay(input: Input, address: MonitorAddress, context: Context): Promise<Result> {
  const { cwd, signal } = context;
  const budget = numberOption(input, 'falseAlarmsPerYear', 'above 0', (value) => value > 0);
  const tolerance = numberOption(input, 'tolerance', '0 or more', (value) => value >= 0);
  const requestsAlike = numberOption(input, 'requestsAlike', 'of at least 1', (value) => value >= 1);
  const settings = {
    ...(budget === undefined ? {} : { falseAlarmsPerYear: budget }),
    ...(tolerance === undefined ? {} : { tolerance }),
    ...(requestsAlike === undefined ? {} : { requestsAlike }),
  };
  const file = textOption(input, 'file');
  const save = textOption(input, 'save');
  const replayed =
    file === undefined
      ? await replayRecorded(await context.connect(), address, { save, settings, cwd, signal })
      : await replayFile(resolve(cwd, file), settings);
  const isOwn = Object.keys(settings).length > 0;
  const same = isOwn ? undefined : isSame(replayed);
  return {
    text: describeReplay(address.name, replayed, same),
    value: { ...replayed, ...(same === undefined ? {} : { same }) },
    names: [`monitor/${address.name}`],
    exitCode: same === false ? 1 : 0,
  };
}

function numberOption(
  input: Input,
  name: string,
  wanted: string,
  fits: (value: number) => boolean,
): number | undefined {
  const text = textOption(input, name);
  if (text === undefined) return undefined;
  const value = Number(text);
  if (text.trim() === '' || !Number.isFinite(value) || !fits(value)) {
    throw new GalleyError('USAGE', `"${text}" is no number ${wanted}.`, { hint: 'galley monitor --help' });
  }
  return value;
}

async function answer(
  input: Input,
  address: MonitorAddress,
  { client, view }: { readonly client: Client; readonly view: 'ack' | 'accept' },
): Promise<Result> {
  const reason = textOption(input, 'reason');
  const since = textOption(input, 'since');
  if (view === 'accept' && since === undefined) {
    throw new GalleyError('USAGE', 'From when on are requests the new reference?', {
      hint: `galley monitor ${address.name} accept --since 2013-07-01T00:00:00Z`,
    });
  }
  const decision = await decide(client, address, {
    kind: view === 'ack' ? 'acknowledge' : 'accept',
    by: textOption(input, 'by') ?? userInfo().username,
    ...(reason === undefined ? {} : { reason }),
    ...(view === 'accept' && since !== undefined ? { since } : {}),
  });
  return {
    text: describeDecision(address.name, decision),
    value: decision,
    names: [`monitor/${address.name}`],
  };
}

/** On a terminal each look replaces the last; elsewhere they follow each other under their time. */
async function watch(look: () => Promise<View>, context: Context): Promise<void> {
  while (!context.signal.aborted) {
    const { text, value } = await look();
    const time = new Date(context.now()).toISOString();
    context.say(context.isTerminal ? `\u001b[2J\u001b[H${time}\n${text}` : `${time}\n${text}\n`);
    context.data(value);
    await sleep(2000, undefined, { signal: context.signal }).catch(() => undefined);
  }
}
