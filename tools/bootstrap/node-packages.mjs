import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { BootstrapError } from './bootstrap-error.mjs';

/** The folder of Node 24 below the checkout: an npm package that holds the binary for this processor. */
export function nodeFolder(root) {
  return join(root, 'node_modules', `node-linux-${process.arch}`, 'bin');
}

/** What `package-lock.json` fixes, Node 24 included. */
export function nodePackages(root) {
  return {
    title: 'npm packages',
    missing: () => !existsSync(join(nodeFolder(root), 'node')) || !matchesLock(root),
    async install({ run }) {
      const paths = lockedPaths(root).map((path) => join(root, path));
      const counter = () => `${paths.filter((path) => existsSync(path)).length} of ${paths.length} packages`;
      // Warnings are hidden: EBADENGINE only says that the Node which runs this is older than the one it installs.
      await run({
        title: 'npm packages',
        command: ['npm', 'ci', '--no-audit', '--no-fund', '--no-update-notifier', '--loglevel=error'],
        counter,
        // npm looks at SIGTERM only when it is done; `npm ci` begins with an empty folder anyway.
        stopWith: 'SIGKILL',
        fix: 'Check the network and the npm configuration of this machine, then run again.',
      });
      if (existsSync(join(nodeFolder(root), 'node'))) return;
      throw new BootstrapError(`npm has no Node 24 for this machine (linux, ${process.arch}).`, {
        fix: 'Galley runs on 64-bit x86 and ARM. If this is one of them, npm was told to leave out optional packages:',
        command: 'npm ci --include=optional',
      });
    },
  };
}

/**
 * Whether what is installed is what the lock fixes. npm writes `node_modules/.package-lock.json` as the last thing, so
 * an installation that was killed never looks complete. Contents are compared, not times: `git checkout` changes times.
 */
function matchesLock(root) {
  const installed = join(root, 'node_modules/.package-lock.json');
  if (!existsSync(installed)) return false;
  const wanted = lockOf(join(root, 'package-lock.json')).packages;
  const present = lockOf(installed).packages;
  return Object.entries(wanted).every(([path, entry]) => {
    if (!path.startsWith('node_modules/')) return true;
    const found = present[path];
    if (found === undefined) return entry.optional === true;
    return found.version === entry.version;
  });
}

/** The folders that the lock fixes for this machine; optional packages for other systems are left out. */
function lockedPaths(root) {
  const { packages } = lockOf(join(root, 'package-lock.json'));
  return Object.entries(packages)
    .filter(
      ([path, entry]) =>
        path.startsWith('node_modules/') && fits(entry.os, 'linux') && fits(entry.cpu, process.arch),
    )
    .filter(([, entry]) => fits(entry.libc, 'glibc'))
    .map(([path]) => path);
}

function fits(allowed, value) {
  return allowed === undefined || allowed.includes(value);
}

function lockOf(file) {
  return JSON.parse(readFileSync(file, 'utf8'));
}
