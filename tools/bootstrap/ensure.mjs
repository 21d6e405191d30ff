import { BootstrapError } from './bootstrap-error.mjs';
import { withLock } from './lock.mjs';
import { step } from './step.mjs';

/**
 * Installs those needs that are missing, in order, one bootstrap at a time for one checkout. Each install must be
 * repeatable: it may have been killed at any point before.
 * @param {string} root the checkout
 * @param {{ title: string, missing(): boolean, install(context: object): Promise<void> }[]} needs
 * @param {AbortSignal} signal
 */
export async function ensure(root, needs, signal) {
  // Nothing missing is the usual case and takes no lock, so that it costs next to nothing.
  if (!needs.some((need) => need.missing())) return;
  await withLock(root, signal, async () => {
    for (const need of needs) {
      // Looked at again: who held the lock before may have installed it.
      if (!need.missing()) continue;
      await need.install({ root, run: (options) => step({ cwd: root, signal, ...options }) });
      if (need.missing()) {
        throw new BootstrapError(
          `${need.title}: the installation ended well, but something is still missing.`,
          {
            fix: 'Remove what it left and try again.',
            command: 'rm -rf node_modules .tools && npm start',
          },
        );
      }
    }
  });
}
