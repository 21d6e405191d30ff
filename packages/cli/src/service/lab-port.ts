import { GalleyError } from '@galley/api/error/galley-error';
import type { Input } from '../command/command.ts';
import { textOption } from '../program.ts';

/** The port that `--port` named; 0: any free one. Throws `USAGE`. */
export function portOption(input: Input): number {
  const text = textOption(input, 'port') ?? '0';
  const port = Number(text);
  if (/^\d{1,5}$/.test(text) && port <= 65_535) return port;
  throw new GalleyError('USAGE', `--port takes a number, not ${JSON.stringify(text)}.`, {
    hint: '--port 8888',
  });
}
