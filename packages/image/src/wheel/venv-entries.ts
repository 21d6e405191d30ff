import { directoryEntry, fileEntry, symlinkEntry, type TarEntry } from '../tar/entry.ts';
import { sitePackages, tarPrefix, type Environment } from './environment.ts';

/**
 * The skeleton of a venv, as `python -m venv --without-pip` lays it down: pyvenv.cfg, `bin/python` and its names, `lib64`. `python` is the interpreter in
 * the image, `/usr/bin/python3.11`; it finds the environment through pyvenv.cfg beside its own link (PEP 405).
 */
export function venvEntries(environment: Environment, python: string): TarEntry[] {
  const prefix = tarPrefix(environment);
  const home = python.slice(0, python.lastIndexOf('/'));
  const config = [
    `home = ${home}`,
    'include-system-site-packages = false',
    `version = ${environment.pythonVersion}`,
    `executable = ${python}`,
    '',
  ];
  return [
    directoryEntry(`${prefix}/bin`),
    symlinkEntry(`${prefix}/bin/python`, python),
    symlinkEntry(`${prefix}/bin/python3`, 'python'),
    symlinkEntry(`${prefix}/bin/python${environment.pythonVersion}`, 'python'),
    directoryEntry(`${prefix}/include`),
    directoryEntry(sitePackages(environment)),
    symlinkEntry(`${prefix}/lib64`, 'lib'),
    fileEntry(`${prefix}/pyvenv.cfg`, config.join('\n')),
  ];
}
