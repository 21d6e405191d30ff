import type { Command } from '../command.ts';

export const command: Command = {
  summary: 'Start the server in the background',
  examples: ['galley server start', 'GALLEY_HOME=/tmp/try galley server start'],
  async run(_input, context) {
    const client = await context.connect({ start: true });
    const info = await client.call('serverInfo', {});
    return {
      text: `The server runs (pid ${info.pid}).\nAPI      ${info.api}\nServices ${info.gateway}\nHome     ${info.home}`,
      value: info,
      names: [info.api],
    };
  },
};
