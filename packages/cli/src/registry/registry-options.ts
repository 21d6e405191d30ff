import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { GalleyError } from '@galley/api/error/galley-error';
import { parseBytes } from '@galley/api/kind/quantity';
import type { FindCredentials } from '@galley/image/registry-client/credentials';
import { dockerCredentials } from '@galley/image/registry-client/docker-config';
import { openRegistryHttp } from '@galley/image/registry-client/open-http';
import type { RegistryOptions } from '@galley/image/registry-client/registry';
import type { Context, Input, Option } from '../command/command.ts';
import { textOption } from '../program.ts';
import { findServer, type RunningServer } from '../server/running-server.ts';

/** Flags of every command that speaks to a registry. */
export const registryFlags: readonly Option[] = [
  { flags: '--username <NAME>', description: 'who to be there; the password comes on standard input' },
  { flags: '--plain-http', description: 'speak HTTP without TLS' },
];

/**
 * How to reach registries: as docker and skopeo are logged in, or as the flags say. The registry of this home's own server needs neither
 * login nor certificate: whoever may read the home may use it.
 */
export async function registryOptions(input: Input, context: Context): Promise<RegistryOptions> {
  const server = await findServer(context.home);
  const own = server === undefined ? {} : await ownAuthorities(context.home, server);
  return {
    http: openRegistryHttp({ env: context.env, authorities: own }),
    credentials: await credentialsOf(input, context, server),
    plainHttp: input.options['plainHttp'] === true,
    signal: context.signal,
  };
}

/** The size of `--chunk`; undefined without the flag. */
export function chunkOption(input: Input): number | undefined {
  const text = textOption(input, 'chunk');
  if (text === undefined) return undefined;
  const bytes = parseBytes(text);
  if (bytes !== undefined && bytes >= 1 << 20) return bytes;
  throw new GalleyError('USAGE', `--chunk ${text} is no size of 1Mi or more.`, { hint: '--chunk 16Mi' });
}

async function ownAuthorities(home: string, server: RunningServer): Promise<Record<string, string>> {
  const authority = await readFile(join(home, server.caFile), 'utf8');
  return Object.fromEntries(ownNames(server).map((name) => [name, authority]));
}

/** The names under which this home's own server answers. */
function ownNames(server: RunningServer): readonly string[] {
  const { port } = new URL(server.api);
  return ['127.0.0.1', 'localhost', '[::1]'].map((host) => `${host}:${port}`);
}

async function credentialsOf(
  input: Input,
  context: Context,
  server: RunningServer | undefined,
): Promise<FindCredentials> {
  const username = textOption(input, 'username');
  if (username !== undefined) {
    const password = (await context.stdin()).replace(/\r?\n$/, '');
    if (password === '') {
      throw new GalleyError('USAGE', '--username needs the password on standard input.', {
        hint: 'galley image push … --username ada < password.txt',
      });
    }
    return async () => ({ kind: 'password', username, password });
  }
  const others = dockerCredentials(context.env);
  return async (registry, signal) => {
    const found = await others(registry, signal);
    if (found !== undefined || server === undefined || !ownNames(server).includes(registry)) return found;
    const token = (await readFile(join(context.home, server.tokenFile), 'utf8')).trim();
    return { kind: 'password', username: 'galley', password: token };
  };
}
