import { hostEnvironment } from '../../command/host-environment.ts';
import { runCommand, type CommandResult } from '../../command/run-command.ts';
import { spawnCommand, type RunningCommand } from '../../command/spawn-command.ts';
import type { GitAccess } from './access.ts';
import type { Transport } from './address.ts';

export interface GitOptions {
  readonly cwd: string;
  readonly signal?: AbortSignal | undefined;
  /** How it may talk to others; none: it stays in the folder. */
  readonly transports?: readonly Transport[];
  readonly access?: GitAccess | undefined;
  /** Of each file that it writes while it talks to others; default 8 GiB. */
  readonly maxFileBytes?: number;
}

/**
 * No single file that git writes may be larger: the pack of a repository far above what a source may hold. A server that never stops sending
 * would otherwise fill the disk (git itself knows no such limit for a fetch).
 */
const packBytes = 8 * 1024 ** 3;

/**
 * Runs the host's git on a repository that may be hostile: its configuration must not make git run a program (hooks, fsmonitor,
 * filters, ssh commands, remote helpers), nobody is asked for a password, and only the transports that the caller names are spoken.
 */
export async function git(args: readonly string[], options: GitOptions): Promise<CommandResult> {
  return runCommand(commandOf(args, options), spawnOptions(options));
}

/** The same, with its output as a stream and its input open. */
export function spawnGit(args: readonly string[], options: GitOptions): RunningCommand {
  return spawnCommand(commandOf(args, options), spawnOptions(options));
}

/** ssh with the repository's credentials, for what git itself does not say over it. */
export async function runSsh(args: readonly string[], options: GitOptions): Promise<CommandResult> {
  const prefix = options.access?.prefix ?? [];
  return runCommand([...prefix, 'sh', '-c', 'eval "$GIT_SSH_COMMAND \\"\\$@\\""', 'sh', ...args], {
    ...spawnOptions(options),
    timeoutMs: 60_000,
    maxOutputBytes: 1024 * 1024,
  });
}

function commandOf(args: readonly string[], options: GitOptions): readonly string[] {
  const command = [...(options.access?.prefix ?? []), 'git', ...args];
  if (options.transports === undefined) return command;
  // In blocks of 512 bytes, as POSIX has it.
  return [
    'sh',
    '-c',
    `ulimit -f ${Math.ceil((options.maxFileBytes ?? packBytes) / 512)}; exec "$@"`,
    'sh',
    ...command,
  ];
}

function spawnOptions(options: GitOptions): Parameters<typeof spawnCommand>[1] {
  const { access } = options;
  return {
    cwd: options.cwd,
    env: hostEnvironment({
      // A person's own configuration (credential helpers, insteadOf) counts only where access says so, by HOME.
      GIT_CONFIG_NOSYSTEM: '1',
      ...(access?.env['HOME'] === undefined ? { GIT_CONFIG_GLOBAL: '/dev/null' } : {}),
      ...configEnvironment({
        ...safeConfig,
        ...transportConfig(options.transports ?? []),
        ...access?.config,
      }),
      GIT_TERMINAL_PROMPT: '0',
      GIT_ASKPASS: '/bin/false',
      SSH_ASKPASS: '/bin/false',
      GIT_SSH_COMMAND: 'ssh -oBatchMode=yes',
      GIT_OPTIONAL_LOCKS: '0',
      GIT_ATTR_NOSYSTEM: '1',
      // A repository that lacks objects would fetch them with the programs of its own configuration (CVE-2024-32004).
      GIT_NO_LAZY_FETCH: '1',
      ...access?.env,
    }),
    descriptor3: access?.descriptor3,
    signal: options.signal,
  };
}

const safeConfig: Readonly<Record<string, string>> = {
  'safe.directory': '*',
  'core.hooksPath': '/dev/null',
  'core.fsmonitor': 'false',
  'core.quotePath': 'false',
  'core.excludesFile': '/dev/null',
  'core.attributesFile': '/dev/null',
  'protocol.allow': 'never',
  'submodule.recurse': 'false',
  'fetch.recurseSubmodules': 'false',
  'fetch.writeCommitGraph': 'false',
  'transfer.bundleURI': 'false',
  'gc.auto': '0',
  'maintenance.auto': 'false',
  // A server that hangs: less than 1000 bytes a second for a minute.
  'http.lowSpeedLimit': '1000',
  'http.lowSpeedTime': '60',
};

function transportConfig(transports: readonly Transport[]): Record<string, string> {
  return Object.fromEntries(transports.map((name) => [`protocol.${name}.allow`, 'always']));
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
