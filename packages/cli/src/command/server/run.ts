import { GalleyError } from '@galley/api/error/galley-error';
import { runServer } from '@galley/control/server-process';
import { version } from '../../version.ts';
import type { Command, Context } from '../command.ts';

export const command: Command = {
  summary: 'Run the server in the foreground until Ctrl-C',
  description:
    'Ctrl-C stops everything that it runs; --keep leaves replicas and the gateway, and the next start takes them up. The ports are 7443 (API) and 7080 (services), or those of GALLEY_API_PORT and GALLEY_GATEWAY_PORT; 0 is any free one.',
  examples: ['galley server run', 'GALLEY_GATEWAY_PORT=8080 galley server run --keep'],
  options: [{ flags: '--keep', description: 'leave replicas and the gateway running at the end' }],
  async run({ options }, context) {
    const apiPort = portOf(context, 'GALLEY_API_PORT');
    const gatewayPort = portOf(context, 'GALLEY_GATEWAY_PORT');
    await runServer({
      home: context.home,
      version,
      emit: context.emit,
      signal: context.signal,
      keep: options['keep'] === true,
      ...(apiPort === undefined ? {} : { apiPort }),
      ...(gatewayPort === undefined ? {} : { gatewayPort }),
    });
    return { text: 'The server has stopped.', value: { stopped: true } };
  },
};

function portOf(context: Context, name: string): number | undefined {
  const text = context.env[name];
  if (text === undefined || text === '') return undefined;
  const port = Number(text);
  if (Number.isInteger(port) && port >= 0 && port <= 65_535) return port;
  throw new GalleyError('USAGE', `${name} is ${JSON.stringify(text)}, which is no port.`, {
    hint: `export ${name}=0 takes any free one.`,
  });
}
