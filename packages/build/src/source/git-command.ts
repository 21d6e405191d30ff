import { hostEnvironment } from '../command/host-environment.ts';
import { runCommand, type CommandResult } from '../command/run-command.ts';

export interface GitOptions {
  readonly cwd: string;
  readonly signal?: AbortSignal | undefined;
  /** Sent only to the host of `url`, by a credential helper that reads it from the environment. */
  readonly credential?: { readonly url: string; readonly token: string } | undefined;
  readonly input?: string;
  readonly maxOutputBytes?: number;
}

/**
 * Runs the host's git on a repository that may be hostile: its configuration must not make git run a program (hooks, fsmonitor,
 * filters, ssh commands, remote helpers), nobody is asked for a password, and only file, https and ssh are spoken (http to
 * this machine only, for tests and local forges).
 */
export async function git(args: readonly string[], options: GitOptions): Promise<CommandResult> {
  const config: Record<string, string> = {
    'safe.directory': '*',
    'core.hooksPath': '/dev/null',
    'core.fsmonitor': 'false',
    'core.quotePath': 'false',
    'protocol.allow': 'never',
    'protocol.file.allow': 'always',
    'protocol.https.allow': 'always',
    'protocol.ssh.allow': 'always',
    'submodule.recurse': 'false',
    'gc.auto': '0',
    'credential.helper': '',
  };
  const { credential } = options;
  if (credential !== undefined) {
    const { origin, protocol, hostname } = new URL(credential.url);
    if (protocol === 'http:' && isLoopback(hostname)) config['protocol.http.allow'] = 'always';
    // The helper is code of ours; the token reaches it through the environment, never through argv.
    config[`credential.${origin}.helper`] =
      '!f() { test "$1" = get && echo username=galley && echo "password=$GALLEY_GIT_TOKEN"; }; f';
  }
  return runCommand(['git', ...args], {
    cwd: options.cwd,
    env: hostEnvironment({
      ...configEnvironment(config),
      GIT_CONFIG_NOSYSTEM: '1',
      GIT_CONFIG_GLOBAL: '/dev/null',
      GIT_TERMINAL_PROMPT: '0',
      GIT_ASKPASS: '/bin/false',
      SSH_ASKPASS: '/bin/false',
      GIT_SSH_COMMAND: 'ssh -oBatchMode=yes',
      GIT_OPTIONAL_LOCKS: '0',
      GIT_ATTR_NOSYSTEM: '1',
      ...(credential === undefined ? {} : { GALLEY_GIT_TOKEN: credential.token }),
    }),
    signal: options.signal,
    ...(options.input === undefined ? {} : { input: options.input }),
    ...(options.maxOutputBytes === undefined ? {} : { maxOutputBytes: options.maxOutputBytes }),
  });
}

/** Configuration by environment: it ranks above the repository's own file, and `safe.directory` is believed only here. */
function configEnvironment(config: Readonly<Record<string, string>>): Record<string, string> {
  const env: Record<string, string> = { GIT_CONFIG_COUNT: String(Object.keys(config).length) };
  Object.entries(config).forEach(([key, value], index) => {
    env[`GIT_CONFIG_KEY_${index}`] = key;
    env[`GIT_CONFIG_VALUE_${index}`] = value;
  });
  return env;
}

export function isLoopback(hostname: string): boolean {
  return hostname === 'localhost' || hostname === '[::1]' || /^127\.\d+\.\d+\.\d+$/.test(hostname);
}

/** When a commit was made, RFC 3339; undefined: there is no such commit, or no git work tree. */
export async function commitTime(commit: string, options: GitOptions): Promise<string | undefined> {
  const shown = await git(['show', '--no-patch', '--format=%cI', commit, '--'], options).catch(
    () => undefined,
  );
  const text = shown?.exitCode === 0 ? shown.stdout.toString('utf8').trim() : '';
  return text === '' ? undefined : text;
}
