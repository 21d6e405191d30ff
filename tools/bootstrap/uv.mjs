import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { BootstrapError } from './bootstrap-error.mjs';
import { installDebian } from './debian.mjs';

/** The one version of uv that resolves for everybody: another may resolve the same recipe to another lock. */
const uvVersion = '0.13.9';

/** uv in `.tools/bin/uv`, brought by pip so that the machine's own index and certificates apply. */
export function uv(root) {
  const stamp = join(root, '.tools/uv-version');
  return {
    title: 'uv',
    missing: () =>
      !existsSync(join(root, '.tools/bin/uv')) ||
      !existsSync(stamp) ||
      readFileSync(stamp, 'utf8') !== uvVersion,
    async install({ run }) {
      if (!has('venv', 'ensurepip')) await bringVenv(run);
      await run({ title: 'virtual environment for tools', command: ['python3', '-m', 'venv', '.tools'] });
      await run({
        title: `uv ${uvVersion}`,
        command: [
          '.tools/bin/python',
          '-m',
          'pip',
          'install',
          '--disable-pip-version-check',
          `uv==${uvVersion}`,
        ],
        fix: 'Check the network and the pip configuration of this machine, then run again.',
      });
      writeFileSync(stamp, uvVersion);
    },
  };
}

/** Whether the machine's Python is recent enough and can make a virtual environment with pip in it. */
function has(...modules) {
  const program = `import sys; assert sys.version_info >= (3, 9); import ${modules.join(', ')}`;
  return spawnSync('python3', ['-c', program], { stdio: 'ignore' }).status === 0;
}

async function bringVenv(run) {
  const version = spawnSync('python3', ['--version'], { encoding: 'utf8' });
  const old = /^Python (?:2|3\.[0-8])\b/.exec(version.stdout ?? '');
  if (old) {
    throw new BootstrapError(
      `The machine's python3 is too old: ${version.stdout.trim()}; 3.9 is the oldest that works.`,
      {
        fix: 'Put a newer python3 first in PATH, then run again.',
      },
    );
  }
  // Debian and Ubuntu cut ensurepip out of python3 and ship it as python3-venv.
  await installDebian(['python3', 'python3-venv'], run);
}
