import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { BootstrapError } from './bootstrap-error.mjs';
import { searchPath } from './search-path.mjs';

/**
 * The Debian packages in debian-packages.txt.
 * @param {string} root
 * @param {'all' | 'test'} scope `test` adds what only tests need
 */
export function debianPackages(root, scope) {
  const wanted = listed(root, scope);
  return {
    title: 'Debian packages',
    missing: () => notInstalled(wanted).length > 0,
    install: ({ run }) => installDebian(notInstalled(wanted), run),
  };
}

/**
 * Installs packages with apt-get.
 * @param {string[]} names each may be `a|b`: the first that this release knows is taken
 * @param {(options: object) => Promise<void>} run
 * @throws {BootstrapError} with one command to copy, when this user may not install or there is no apt
 */
export async function installDebian(names, run) {
  const plain = names.map((name) => name.split('|')[0]);
  const command = `apt-get update && apt-get install -y --no-install-recommends ${plain.join(' ')}`;
  if (!existsSync('/usr/bin/apt-get')) {
    throw new BootstrapError(`${plain.join(', ')}: not installed, and this machine has no apt-get.`, {
      fix: 'Install them with the package manager of this machine. On Debian and Ubuntu that is:',
      command,
    });
  }
  if (process.getuid?.() !== 0) {
    throw new BootstrapError(
      `Debian packages are missing, and only root may install them: ${plain.join(', ')}.`,
      {
        fix: 'Copy this, then run again:',
        command: `sudo sh -c '${command}'`,
      },
    );
  }
  const env = { DEBIAN_FRONTEND: 'noninteractive', PATH: searchPath() };
  const lock = ['-o', 'DPkg::Lock::Timeout=300'];
  const fix = 'Check the network and the package sources of this machine, then run again.';
  await run({ title: 'Debian package lists', command: ['apt-get', ...lock, 'update'], env, fix });
  // An installation that was killed leaves packages unpacked and not configured; apt-get refuses to work before this.
  await run({ title: 'unfinished Debian packages', command: ['dpkg', '--configure', '-a'], env });
  const chosen = names.map((name) => name.split('|').find(known) ?? name.split('|')[0]);
  await run({
    title: `Debian packages ${chosen.join(' ')}`,
    command: ['apt-get', ...lock, 'install', '-y', '--no-install-recommends', ...chosen],
    env,
    fix,
  });
}

/** Those of `names` of which no alternative is installed. */
function notInstalled(names) {
  const alternatives = names.flatMap((name) => name.split('|'));
  const query = spawnSync('dpkg-query', ['-W', '-f', '${Package} ${db:Status-Status}\n', ...alternatives], {
    encoding: 'utf8',
  });
  const installed = new Set(
    (query.stdout ?? '')
      .split('\n')
      .filter((line) => line.endsWith(' installed'))
      .map((line) => line.split(' ')[0]),
  );
  return names.filter((name) => !name.split('|').some((alternative) => installed.has(alternative)));
}

function known(name) {
  return spawnSync('apt-cache', ['show', '--no-all-versions', name], { stdio: 'ignore' }).status === 0;
}

function listed(root, scope) {
  return readFileSync(join(root, 'tools/bootstrap/debian-packages.txt'), 'utf8')
    .split('\n')
    .filter((line) => line !== '' && !line.startsWith('#'))
    .map((line) => line.split(' '))
    .filter(([, only]) => only === undefined || only === scope)
    .map(([name]) => name);
}
