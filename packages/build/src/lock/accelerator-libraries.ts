import { formatBytes } from '@galley/api/kind/quantity';
import type { Lock } from './lock.ts';

/** The libraries that wheels for NVIDIA's accelerators bring. */
const library = /^nvidia-/;

/** Packages that bring them, with what to ask for in their place. */
const instead: Readonly<Record<string, string>> = {
  torch:
    'its wheels for CPUs lie in an index of their own, which pytorch.org names: configure that as an extra index of this machine, as for pip, or name it in requirements.txt (--extra-index-url) and allow it with --allow-index',
  xgboost: 'xgboost-cpu is the same module without them',
};

/**
 * Says of a lock that the service will carry libraries which it has no use for: they are most of such an image. Which wheels there are is the
 * index's to say, so that they are taken all the same. Pure.
 */
export function acceleratorWarnings({ wheels, serving }: Lock): readonly string[] {
  const served = new Set(serving);
  const libraries = wheels.filter(({ name }) => library.test(name) && served.has(name));
  if (libraries.length === 0) return [];
  const owner = Object.keys(instead).find((name) => served.has(name));
  const bytes = libraries.reduce((sum, { size }) => sum + size, 0);
  const version = wheels.find(({ name }) => name === owner)?.version ?? '';
  const hint = owner === undefined ? 'look which requirement asks for them' : instead[owner];
  return [
    `${owner === undefined ? 'The lock' : `${owner} ${version}`} brings ${formatBytes(bytes)} of libraries for accelerators, and a service has none: ${hint}.`,
  ];
}
