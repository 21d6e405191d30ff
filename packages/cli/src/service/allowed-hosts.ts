import { GalleyError } from '@galley/api/error/galley-error';
import { parseHostPort } from '@galley/engine/egress/host-port';
import type { Input } from '../command/command.ts';
import { listOption } from '../program.ts';

/** What `--allow` named, for every command that has it: a slip would else be heard by nobody, and the host refused. Throws `USAGE`. */
export function allowedHosts(input: Input): readonly string[] {
  const hosts = listOption(input, 'allow');
  const wrong = hosts.find((host) => parseHostPort(host) === undefined);
  if (wrong === undefined) return hosts;
  throw new GalleyError('USAGE', `--allow takes host:port, not ${wrong}.`, {
    hint: '--allow data.example.org:443',
  });
}
