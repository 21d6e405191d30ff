import { safeLine, safeText } from '../render/safe-text.ts';
import type { Command } from './command.ts';
import { findApplication } from '../service/find.ts';

export const command: Command = {
  summary: 'What a service printed, or the events of a build',
  examples: ['galley logs flight-delay -f', 'galley logs build/flight-delay-3'],
  arguments: [
    { name: 'NAME|build/B', description: 'the application, or a build of it', completes: 'application' },
  ],
  options: [
    { flags: '-f, --follow', description: 'go on until it ends or Ctrl-C' },
    { flags: '--since <TIME>', description: 'only lines after this time (RFC 3339)' },
  ],
  async run({ args: [target = ''], options }, context) {
    const client = await context.connect();
    const follow = options['follow'] === true ? { follow: 'true' as const } : {};
    if (target.startsWith('build/')) {
      const params = { project: context.project, name: target.slice('build/'.length) };
      for await (const event of client.stream('buildEvents', {
        params,
        query: follow,
        signal: context.signal,
      })) {
        context.data(event);
        context.say(
          `${event.time}  ${event.phase}  ${safeLine(event.step)}  ${event.state}${event.reason === undefined ? '' : `  ${safeLine(event.reason)}`}`,
        );
      }
      return {};
    }
    await findApplication(client, target, context.project);
    const since = typeof options['since'] === 'string' ? { since: options['since'] } : {};
    const params = { project: context.project, name: target };
    for await (const line of client.stream('applicationLogs', {
      params,
      query: { ...follow, ...since },
      signal: context.signal,
    })) {
      context.data(line);
      context.say(`${line.time}  ${line.replica}  ${safeText(line.text)}`);
    }
    return {};
  },
};
