import { spawn } from 'node:child_process';
import { constants } from 'node:os';
import { join } from 'node:path';
import { nodeFolder } from './node-packages.mjs';
import { searchPath } from './search-path.mjs';

/**
 * Runs a task with Node 24 until it ends, and hands signals on to it.
 * @param {string} root
 * @param {{ script: string, prefix: string[] }} task
 * @param {string[]} args
 * @returns {Promise<number>} the task's exit code, 128+n when signal n ended it
 */
export function launch(root, task, args) {
  const folder = nodeFolder(root);
  // Node 24 still calls its SQLite experimental; a person who runs this can do nothing about it.
  const flags = ['--disable-warning=ExperimentalWarning'];
  const child = spawn(join(folder, 'node'), [...flags, join(root, task.script), ...task.prefix, ...args], {
    cwd: root,
    stdio: 'inherit',
    // As bin/galley does, which says why.
    env: {
      NODE_COMPILE_CACHE: join(root, 'node_modules/.cache/galley'),
      ...process.env,
      PATH: searchPath(folder),
    },
  });
  for (const name of ['SIGINT', 'SIGTERM', 'SIGHUP']) {
    process.on(name, () => {
      // A terminal sends Ctrl-C to the child as well, and a second one may mean "at once" to it.
      if (name === 'SIGINT' && process.stdin.isTTY) return;
      child.kill(name);
    });
  }
  return new Promise((resolve, reject) => {
    child.on('error', reject);
    child.on('exit', (code, signalName) => resolve(code ?? 128 + constants.signals[signalName]));
  });
}
