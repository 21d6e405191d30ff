import { findServer } from '../../server/running-server.ts';
import type { Command } from '../command.ts';

export const command: Command = {
  summary: 'Whether a server runs, and where it answers',
  description: 'Exit code 0 when it runs, 1 when not.',
  examples: ['galley server status', 'galley server status -o json'],
  async run(_input, context) {
    if ((await findServer(context.home)) === undefined) {
      return {
        text: `No server runs for ${context.home}.\nNext: galley server start`,
        value: { running: false },
        exitCode: 1,
      };
    }
    const client = await context.connect();
    const info = await client.call('serverInfo', {});
    const isolation =
      info.isolation.missing === undefined
        ? info.isolation.tier
        : `none: ${info.isolation.missing}\nNext: ${info.isolation.fix ?? 'galley doctor'}`;
    return {
      text: `Running since ${info.startedAt} (pid ${info.pid}).\nAPI       ${info.api}\nServices  ${info.gateway}\nHome      ${info.home}\nIsolation ${isolation}`,
      value: { running: true, ...info },
      names: [info.api],
    };
  },
};
