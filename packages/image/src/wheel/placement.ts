import { sitePackages, tarPrefix, type Environment } from './environment.ts';

/** Where a file of a wheel goes, or why it goes nowhere. */
export type Placement =
  | { readonly kind: 'place'; readonly path: string; readonly script: boolean }
  | { readonly kind: 'drop' }
  | { readonly kind: 'refuse'; readonly problem: string };

/** Written by the installer, not taken from the archive. Signatures of RECORD are void once RECORD has grown. */
const replaced = new Set(['RECORD', 'RECORD.jws', 'RECORD.p7s', 'INSTALLER', 'REQUESTED', 'direct_url.json']);

/** What the venv itself is made of: a wheel that brings one of these would take the environment over. */
function isReserved(path: string, environment: Environment): boolean {
  const prefix = tarPrefix(environment);
  const names = [
    'pyvenv.cfg',
    'lib64',
    'bin/python',
    'bin/python3',
    `bin/python${environment.pythonVersion}`,
  ];
  return names.some((name) => path === `${prefix}/${name}` || path.startsWith(`${prefix}/${name}/`));
}

/** The five schemes of `.data` mapped to a real prefix: with `--target` JupyterLab loses its kernels and themes (builders.md §8.3). */
function schemePath(
  scheme: string,
  rest: string,
  name: string,
  environment: Environment,
): string | undefined {
  const prefix = tarPrefix(environment);
  switch (scheme) {
    case 'purelib':
    case 'platlib':
      return `${sitePackages(environment)}/${rest}`;
    case 'scripts':
      return `${prefix}/bin/${rest}`;
    case 'headers':
      return `${prefix}/include/site/python${environment.pythonVersion}/${name}/${rest}`;
    case 'data':
      return `${prefix}/${rest}`;
    default:
      return undefined;
  }
}

/**
 * Places one file. `__pycache__` is dropped: its bytecode is checked against times that a layer does not have, so Python would compile again
 * at every start (builders.md §8.3).
 */
export function place(
  entry: string,
  wheel: { readonly name: string; readonly distInfo: string },
  environment: Environment,
): Placement {
  const [top = '', scheme = '', ...parts] = entry.split('/');
  if (top === wheel.distInfo && parts.length === 0 && replaced.has(scheme)) return { kind: 'drop' };
  if (entry.startsWith('__pycache__/') || entry.includes('/__pycache__/')) return { kind: 'drop' };
  let path: string | undefined = `${sitePackages(environment)}/${entry}`;
  const isData = top.endsWith('.data') && scheme !== '';
  if (isData) {
    if (parts.length === 0) return { kind: 'refuse', problem: `holds ${entry}, which is of no known scheme` };
    path = schemePath(scheme, parts.join('/'), wheel.name, environment);
  }
  if (path === undefined) return { kind: 'refuse', problem: `holds ${entry}, which is of no known scheme` };
  if (isReserved(path, environment)) {
    return {
      kind: 'refuse',
      problem: `holds ${entry}, which would replace a part of the environment itself`,
    };
  }
  return { kind: 'place', path, script: isData && scheme === 'scripts' };
}
