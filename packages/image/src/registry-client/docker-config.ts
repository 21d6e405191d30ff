import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { GalleyError } from '@galley/api/error/galley-error';
import { isObject } from '@galley/api/json-object';
import { isMissing } from '../layout/disk-errors.ts';
import { askHelper } from './credential-helper.ts';
import type { Credentials, FindCredentials } from './credentials.ts';
import { defaultRegistry } from './reference.ts';

type Environment = Readonly<Record<string, string | undefined>>;

/** The key under which `docker login` keeps Docker Hub. */
const dockerHubKey = 'https://index.docker.io/v1/';

/**
 * Credentials as every other tool on this machine finds them: `REGISTRY_AUTH_FILE` alone if it is set, else containers' `auth.json`, then
 * Docker's `config.json` (`DOCKER_CONFIG`). In each file the helper of this registry, then `auths`, then the store of all (engine.md §4).
 * Throws `CREDENTIALS_INVALID` for a file that cannot be read and `CREDENTIAL_HELPER_FAILED`.
 */
export function dockerCredentials(env: Environment): FindCredentials {
  return async (registry, signal) => {
    for (const path of configPaths(env)) {
      const config = await readConfig(path);
      const found = config === undefined ? undefined : await findIn(config, path, registry, env, signal);
      if (found !== undefined) return found;
    }
    return undefined;
  };
}

function configPaths(env: Environment): readonly string[] {
  const named = env['REGISTRY_AUTH_FILE'] ?? '';
  if (named !== '') return [named];
  const runtime = env['XDG_RUNTIME_DIR'] ?? '';
  const home = env['HOME'] ?? '';
  const docker = env['DOCKER_CONFIG'] ?? '';
  // A relative path is to be ignored (XDG base directory specification): it would be in a folder of anybody's.
  const xdg = env['XDG_CONFIG_HOME']?.startsWith('/') === true ? env['XDG_CONFIG_HOME'] : undefined;
  return [
    ...(runtime === '' ? [] : [join(runtime, 'containers', 'auth.json')]),
    ...(home === '' ? [] : [join(xdg ?? join(home, '.config'), 'containers', 'auth.json')]),
    ...(docker === '' ? [] : [join(docker, 'config.json')]),
    ...(docker !== '' || home === '' ? [] : [join(home, '.docker', 'config.json')]),
  ];
}

type Json = Readonly<Record<string, unknown>>;

function member(value: unknown, key: string): unknown {
  return isObject(value) && Object.hasOwn(value, key) ? value[key] : undefined;
}

async function readConfig(path: string): Promise<Json | undefined> {
  let text: string;
  try {
    text = await readFile(path, 'utf8');
  } catch (error) {
    if (isMissing(error)) return undefined;
    throw unreadable(path, 'cannot be read', error);
  }
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    // Not the parser's message: it quotes the text, and that holds passwords.
    throw unreadable(path, 'is not JSON');
  }
  if (!isObject(value)) throw unreadable(path, 'is no object');
  return value;
}

async function findIn(
  config: Json,
  path: string,
  registry: string,
  env: Environment,
  signal?: AbortSignal,
): Promise<Credentials | undefined> {
  const keys = configKeys(registry);
  for (const key of keys) {
    const helper = member(config['credHelpers'], key);
    if (typeof helper === 'string') return askHelper(helper, keys[0] ?? registry, env, signal);
  }
  const store = config['credsStore'];
  for (const key of keys) {
    const entry = member(config['auths'], key);
    const found = isObject(entry) ? readEntry(entry, path, key) : undefined;
    if (found !== undefined) return found;
  }
  if (typeof store !== 'string' || store === '') return undefined;
  return askHelper(store, keys[0] ?? registry, env, signal);
}

/** How files name a registry: `docker login` wrote URLs at times, with a version at the end. */
function configKeys(registry: string): readonly string[] {
  const schemes = ['', 'https://', 'http://'].flatMap((scheme) =>
    ['', '/', '/v1/', '/v2/'].map((end) => `${scheme}${registry}${end}`),
  );
  return registry === defaultRegistry ? [dockerHubKey, ...schemes, 'index.docker.io'] : schemes;
}

function readEntry(entry: Json, path: string, key: string): Credentials | undefined {
  const { auth, username, password, identitytoken, registrytoken } = entry;
  if (typeof registrytoken === 'string' && registrytoken !== '')
    return { kind: 'bearer', token: registrytoken };
  if (typeof identitytoken === 'string' && identitytoken !== '') {
    return { kind: 'identity-token', token: identitytoken };
  }
  if (typeof auth === 'string' && auth !== '') {
    const text = Buffer.from(auth, 'base64').toString('utf8');
    const colon = text.indexOf(':');
    if (colon < 1) throw unreadable(path, `has no user and password for ${key}`);
    // Old versions of docker padded the password with zero bytes.
    return {
      kind: 'password',
      username: text.slice(0, colon),
      password: text.slice(colon + 1).replace(/\0+$/, ''),
    };
  }
  if (typeof username === 'string' && username !== '' && typeof password === 'string') {
    return { kind: 'password', username, password };
  }
  return undefined;
}

function unreadable(path: string, problem: string, cause?: unknown): GalleyError {
  return new GalleyError('CREDENTIALS_INVALID', `The file of registry credentials ${path} ${problem}.`, {
    hint: 'Log in again (docker login, skopeo login), or mend the file.',
    details: { path },
    ...(cause === undefined ? {} : { cause }),
  });
}
