import { setTimeout as sleep } from 'node:timers/promises';
import { GalleyError } from '@galley/api/error/galley-error';
import type { Client } from '@galley/api/http/client';
import { textOption } from '../program.ts';
import { describePaths } from '../render/monitor-paths.ts';
import { describeMonitor } from '../render/monitor-status.ts';
import { findApplication } from '../service/find.ts';
import type { Command, Context } from './command.ts';

export const command: Command = {
  summary: 'How inputs, predictions and code paths are distributed, against the reference',
  description:
    'Distances with the number of requests behind them, and beside each what sampling alone would give. No verdict is drawn from them yet. `paths` shows the paths through the scoring code and what each decides.',
  examples: [
    'galley monitor flight-delay',
    'galley monitor flight-delay --watch',
    'galley monitor flight-delay paths',
    'galley monitor flight-delay --from 2013-04-01T00:00:00Z --to 2013-05-01T00:00:00Z',
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
    const client = await context.connect();
    await findApplication(client, name, context.project);
    const look = (): Promise<View> => lookAt(client, { project: context.project, name, view }, query);
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
  {
    project,
    name,
    view,
  }: { readonly project: string; readonly name: string; readonly view: string | undefined },
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
