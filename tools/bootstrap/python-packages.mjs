import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

/** The virtual environment `.tools/python` with what python-requirements.txt fixes: tests and benchmarks run in it. */
export function pythonPackages(root) {
  const requirements = join(root, 'tools/bootstrap/python-requirements.txt');
  const stamp = join(root, '.tools/python/requirements-sha256');
  const wanted = () => createHash('sha256').update(readFileSync(requirements)).digest('hex');
  return {
    title: 'Python packages for tests',
    missing: () =>
      !existsSync(join(root, '.tools/python/bin/python')) ||
      !existsSync(stamp) ||
      readFileSync(stamp, 'utf8') !== wanted(),
    async install({ run }) {
      const env = uvEnvironment(root);
      const python = '.tools/python/bin/python';
      await run({
        title: 'Python for tests',
        command: ['.tools/bin/uv', 'venv', '--clear', '--python', '.tools/bin/python', '.tools/python'],
        env,
      });
      await run({
        title: 'Python packages for tests',
        command: ['.tools/bin/uv', 'pip', 'sync', '--python', python, requirements],
        env,
        fix: 'Check the network and the pip configuration of this machine, then run again.',
      });
      writeFileSync(stamp, wanted());
    },
  };
}

/**
 * uv reads none of pip's configuration; what a machine has set for pip is handed on where nothing is set for uv.
 * Values go through the environment, never through arguments: an index address may hold a password.
 */
function uvEnvironment(root) {
  const env = { UV_PYTHON_DOWNLOADS: 'never', UV_NO_PROGRESS: '1' };
  const { UV_DEFAULT_INDEX, UV_INDEX_URL, SSL_CERT_FILE, PIP_CERT } = process.env;
  if (UV_DEFAULT_INDEX === undefined && UV_INDEX_URL === undefined) {
    const index = process.env.PIP_INDEX_URL ?? pipSetting(root, 'global.index-url');
    if (index) env.UV_DEFAULT_INDEX = index;
  }
  if (SSL_CERT_FILE === undefined) {
    const certificate = PIP_CERT ?? pipSetting(root, 'global.cert');
    if (certificate) env.SSL_CERT_FILE = certificate;
  }
  return env;
}

function pipSetting(root, name) {
  const asked = spawnSync(join(root, '.tools/bin/python'), ['-m', 'pip', 'config', 'get', name], {
    encoding: 'utf8',
  });
  return asked.status === 0 ? asked.stdout.trim() : '';
}
