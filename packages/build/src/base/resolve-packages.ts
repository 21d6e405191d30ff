import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { GalleyError } from '@galley/api/error/galley-error';
import { hostEnvironment } from '../command/host-environment.ts';
import { runCommand } from '../command/run-command.ts';
import { parseAptUris, type AptUri } from './apt-uris.ts';
import type { Mirrors } from './mirrors.ts';

export interface ResolveOptions {
  readonly suite: string;
  readonly architecture: string;
  readonly mirrors: Mirrors;
  readonly signal?: AbortSignal | undefined;
  /** What is installed already, in the form of dpkg's status; default: nothing. Then no package at all may be an answer. */
  readonly installed?: string;
  /** Keyring that signs the suite. */
  readonly keyring?: string;
}

/**
 * The closure of packages in a suite as the mirrors have it now, resolved by apt itself in a private folder with nothing
 * installed: the machine's own packages and apt lists have no say. Signatures are checked by apt. Throws `BASE_UNAVAILABLE`.
 */
export async function resolvePackages(
  names: readonly string[],
  options: ResolveOptions,
): Promise<readonly AptUri[]> {
  const root = await mkdtemp(join(tmpdir(), 'galley-apt-'));
  try {
    const config = await writeConfiguration(root, options);
    const env = hostEnvironment({ APT_CONFIG: config });
    const run = async (...args: readonly string[]): Promise<string> => {
      const result = await runCommand(['apt-get', ...args], { env, signal: options.signal });
      if (result.exitCode === 0) return result.stdout.toString('utf8');
      throw new GalleyError(
        'BASE_UNAVAILABLE',
        `The packages of ${options.suite} cannot be resolved on this machine.`,
        {
          hint: 'Set GALLEY_DEBIAN_MIRROR to a Debian mirror that this machine reaches.',
          cause: new Error(result.stderr.slice(-2000)),
        },
      );
    };
    await run('update', '-o', 'APT::Update::Error-Mode=any');
    const uris = parseAptUris(
      await run('--print-uris', '--yes', '--no-install-recommends', 'install', ...names),
    );
    if (uris.length > 0 || options.installed !== undefined) return uris;
    throw new GalleyError('BASE_UNAVAILABLE', `apt names no package of ${options.suite} with a sha256.`);
  } finally {
    await rm(root, { recursive: true, force: true });
  }
}

async function writeConfiguration(root: string, options: ResolveOptions): Promise<string> {
  const { suite, mirrors, architecture } = options;
  for (const folder of ['lists/partial', 'cache/archives/partial', 'preferences.d']) {
    await mkdir(join(root, folder), { recursive: true });
  }
  const [main] = mirrors.main;
  const [security] = mirrors.security;
  if (main === undefined) {
    throw new GalleyError('BASE_UNAVAILABLE', 'This machine has no Debian mirror configured.', {
      hint: 'Set GALLEY_DEBIAN_MIRROR to the root of a Debian mirror.',
    });
  }
  const signed = `[arch=${architecture} signed-by=${options.keyring ?? '/usr/share/keyrings/debian-archive-keyring.gpg'}]`;
  const sources = [
    `deb ${signed} ${main} ${suite} main`,
    `deb ${signed} ${main} ${suite}-updates main`,
    ...(security === undefined ? [] : [`deb ${signed} ${security} ${suite}-security main`]),
  ];
  await writeFile(join(root, 'sources.list'), `${sources.join('\n')}\n`);
  await writeFile(join(root, 'status'), options.installed ?? '');
  const settings: Readonly<Record<string, string>> = {
    'Dir::State': root,
    'Dir::State::status': join(root, 'status'),
    'Dir::State::lists': join(root, 'lists'),
    'Dir::Cache': join(root, 'cache'),
    'Dir::Etc::sourcelist': join(root, 'sources.list'),
    'Dir::Etc::sourceparts': '-',
    'Dir::Etc::preferences': '-',
    'Dir::Etc::preferencesparts': join(root, 'preferences.d'),
    'APT::Architecture': architecture,
    'APT::Install-Recommends': 'false',
    // apt would drop to the user _apt, who may not read a private folder of ours.
    'APT::Sandbox::User': 'root',
    'Acquire::Languages': 'none',
    // Without it apt-get prints the MD5 sums that `install --print-uris` has always had.
    'Acquire::ForceHash': 'SHA256',
  };
  const lines = Object.entries(settings).map(([key, value]) => `${key} "${value}";`);
  const config = join(root, 'apt.conf');
  await writeFile(config, `${lines.join('\n')}\nAPT::Architectures {"${architecture}";};\n`);
  return config;
}
