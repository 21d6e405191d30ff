import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { GalleyError } from '@galley/api/error/galley-error';
import { isLoopback, type GitAddress } from './address.ts';

/** What git may show at the door of one repository, and how it gets it. */
export interface GitAccess {
  readonly config: Readonly<Record<string, string>>;
  readonly env: Readonly<Record<string, string>>;
  /** Comes before `git` in the command. */
  readonly prefix: readonly string[];
  /** For file descriptor 3 of the command. */
  readonly descriptor3?: string;
  /** For HTTP that is not git's (Git LFS): the same credentials, for this origin only. */
  readonly http?: { readonly origin: string; readonly authorization: string };
}

export interface AccessOptions {
  /** A token, `user:token`, or a private ssh key (with lines of a known_hosts file behind it, if there are any). */
  readonly secret?: string | undefined;
  /** True: without a secret this person's own ssh keys, agent and git configuration serve. A server never lends its own. */
  readonly own: boolean;
  /** A private folder of this build. */
  readonly workDir: string;
  /** Where hosts are remembered that were met without a known_hosts line. */
  readonly knownHosts: string;
  /** Further lines of ssh's configuration (`pin.ts`). */
  readonly sshLines?: readonly string[];
}

/** Exit code of the wrapper when ssh cannot read the key. */
export const keyUnusable = 97;
/**
 * The key reaches an agent by a pipe and is never on a disk. ssh-agent runs this as its child; should all of it be killed, the agent sees that
 * its child has gone and ends too (ssh-agent(1)).
 */
const withKey = `ssh-add -q - <&3 || exit ${keyUnusable}; exec 3<&-; "$@"; code=$?; kill "$SSH_AGENT_PID"; exit $code`;
const pem = /-----BEGIN ([A-Z ]*)PRIVATE KEY-----[\s\S]+?-----END \1PRIVATE KEY-----/;

/** Prepares the credentials for one address. Throws `SOURCE_UNAUTHORIZED` when the secret is of the wrong sort for it, `SOURCE_REFUSED` when it would be sent unencrypted. */
export async function openAccess(address: GitAddress, options: AccessOptions): Promise<GitAccess> {
  const secret = options.secret?.trim() ?? '';
  const key = pem.exec(secret)?.[0];
  if (address.transport === 'ssh') return ssh(address, secret, key, options);
  if (key !== undefined && address.transport !== 'file')
    throw wrongSort(address, 'an ssh key', 'a token; or use the ssh address of the repository');
  if (secret === '' || key !== undefined || !/^https?$/.test(address.transport)) return none(options);
  return token(address, secret);
}

function none(options: AccessOptions): GitAccess {
  return { config: {}, env: options.own ? ownEnvironment() : {}, prefix: [] };
}

function token(address: GitAddress, secret: string): GitAccess {
  // A line break would speak to git's credential protocol in our name.
  if (/[\r\n\0]/.test(secret)) throw wrongSort(address, 'several lines', 'one token');
  const colon = secret.indexOf(':');
  const password = colon < 0 ? secret : secret.slice(colon + 1);
  // Forges that look only at the token take any user; this one is what most of their manuals write.
  const user = colon > 0 ? secret.slice(0, colon) : address.user === '' ? 'oauth2' : address.user;
  const { origin } = new URL(address.url);
  if (address.transport === 'http' && !isLoopback(address.host)) {
    throw new GalleyError(
      'SOURCE_REFUSED',
      `${address.url} is not encrypted: whoever is on the way could read the secret.`,
      { hint: 'Use https://…, or leave the secret out.', details: { url: address.url } },
    );
  }
  return {
    config: {
      'credential.helper': '',
      // The helper is code of ours; the token reaches it through the environment, never through argv.
      [`credential.${origin}.helper`]: `!f() { test "$1" = get && printf 'username=%s\\npassword=%s\\n' "$GALLEY_GIT_USER" "$GALLEY_GIT_TOKEN"; }; f`,
    },
    env: { GALLEY_GIT_USER: user, GALLEY_GIT_TOKEN: password },
    prefix: [],
    http: { origin, authorization: `Basic ${Buffer.from(`${user}:${password}`).toString('base64')}` },
  };
}

async function ssh(
  address: GitAddress,
  secret: string,
  key: string | undefined,
  options: AccessOptions,
): Promise<GitAccess> {
  if (secret !== '' && key === undefined)
    throw wrongSort(address, 'no private ssh key', 'a private key; or use the https address with a token');
  if (key === undefined && options.own) return none(options);
  const known = secret.replace(pem, '').trim();
  const own = join(options.workDir, 'known_hosts');
  if (known !== '') await writeFile(own, `${known}\n`, { mode: 0o600 });
  const config = join(options.workDir, 'ssh_config');
  await writeFile(config, sshConfig(known === '' ? options.knownHosts : own, known !== '', options), {
    mode: 0o600,
  });
  return {
    config: {},
    env: {
      GALLEY_SSH_CONFIG: config,
      GIT_SSH_COMMAND: 'ssh -F "$GALLEY_SSH_CONFIG"',
      GIT_SSH_VARIANT: 'ssh',
    },
    prefix: key === undefined ? [] : ['ssh-agent', 'sh', '-c', withKey, 'sh'],
    ...(key === undefined ? {} : { descriptor3: `${key.replaceAll('\r\n', '\n')}\n` }),
  };
}

/** Nothing of the machine's own ssh configuration or keys: they belong to who runs the server. */
function sshConfig(
  knownHosts: string,
  strict: boolean,
  { sshLines = [] }: Pick<AccessOptions, 'sshLines'>,
): string {
  return [
    ...sshLines,
    'BatchMode yes',
    'IdentityFile none',
    'IdentityAgent SSH_AUTH_SOCK',
    // Without a line for the host it is trusted when it is first met, and only it from then on.
    `StrictHostKeyChecking ${strict ? 'yes' : 'accept-new'}`,
    `UserKnownHostsFile "${knownHosts}"`,
    'UpdateHostKeys no',
    'ConnectTimeout 20',
    'ServerAliveInterval 15',
    'ServerAliveCountMax 4',
    'ForwardAgent no',
    'ClearAllForwardings yes',
    '',
  ].join('\n');
}

/** What git and ssh need to find the keys, agent and credential helpers of the person who runs this build. */
function ownEnvironment(env: NodeJS.ProcessEnv = process.env): Record<string, string> {
  const own: Record<string, string> = { GIT_SSH_COMMAND: 'ssh -oBatchMode=yes', GIT_SSH_VARIANT: 'ssh' };
  for (const name of [
    'HOME',
    'USER',
    'SSH_AUTH_SOCK',
    'XDG_CONFIG_HOME',
    'XDG_RUNTIME_DIR',
    'GIT_SSH_COMMAND',
  ]) {
    const value = env[name];
    if (value !== undefined) own[name] = value;
  }
  return own;
}

function wrongSort(address: GitAddress, holds: string, needs: string): GalleyError {
  return new GalleyError('SOURCE_UNAUTHORIZED', `The secret for ${address.url} holds ${holds}.`, {
    hint: `It must be ${needs}: galley secret set NAME.`,
    details: { url: address.url },
  });
}
