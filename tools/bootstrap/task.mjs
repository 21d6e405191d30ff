import { BootstrapError } from './bootstrap-error.mjs';
import { debianPackages } from './debian.mjs';
import { nodePackages } from './node-packages.mjs';
import { pythonPackages } from './python-packages.mjs';
import { uv } from './uv.mjs';

/**
 * What can be run, with what it needs. A need is `{ title, missing(): boolean, install(context) }`; `missing` must be
 * fast and quiet, since it runs before every task.
 */
const all = (root) => [nodePackages(root), debianPackages(root, 'all'), uv(root)];
const withTests = (root) => [
  nodePackages(root),
  debianPackages(root, 'test'),
  uv(root),
  pythonPackages(root),
];

const tasks = {
  start: { script: 'packages/cli/src/main.ts', prefix: ['start'], needs: all },
  test: { script: 'tools/test/main.ts', prefix: [], needs: withTests },
  'test:long': { script: 'tools/test/main.ts', prefix: ['--long'], needs: withTests },
  bench: { script: 'bench/main.ts', prefix: [], needs: withTests },
  // Simulated counts: nothing but Node.
  'bench:drift': { script: 'bench/drift/main.ts', prefix: [], needs: (root) => [nodePackages(root)] },
  // Types, lint, format and tidy read the sources and nothing else, so they also run without root.
  check: { script: 'tools/check/main.ts', prefix: [], needs: (root) => [nodePackages(root)] },
};

/**
 * The task of this name.
 * @param {string | undefined} name
 * @throws {BootstrapError} with the names that exist
 */
export function taskNamed(name) {
  if (name !== undefined && Object.hasOwn(tasks, name)) return tasks[name];
  throw new BootstrapError(name === undefined ? 'No task was named.' : `There is no task "${name}".`, {
    fix: `Tasks: ${Object.keys(tasks).join(', ')}.`,
    command: 'npm start',
    exitCode: 2,
  });
}
