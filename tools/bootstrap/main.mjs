/**
 * `node tools/bootstrap/main.mjs <task> [-- arguments]`: installs what the task needs and is missing, then runs the task with
 * Node 24. Plain JavaScript with Node's own modules, because it runs before anything is installed, on any Node from 20.
 */
import { dirname, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { BootstrapError } from './bootstrap-error.mjs';
import { cancellation } from './cancellation.mjs';
import { ensure } from './ensure.mjs';
import { launch } from './launch.mjs';
import { taskNamed } from './task.mjs';

const root = resolve(dirname(fileURLToPath(import.meta.url)), '../..');

async function main(argv) {
  const [name, ...rest] = argv;
  const task = taskNamed(name);
  const taskArguments = rest[0] === '--' ? rest.slice(1) : rest;
  const stop = cancellation();
  try {
    await ensure(root, task.needs(root), stop.signal);
  } finally {
    stop.release();
  }
  return launch(root, task, taskArguments);
}

try {
  process.exitCode = await main(process.argv.slice(2));
} catch (error) {
  if (!(error instanceof BootstrapError)) throw error;
  process.stderr.write(error.text());
  process.exitCode = error.exitCode;
}
