import { directoryEntry, fileEntry, symlinkEntry, type TarEntry } from '@galley/image/tar/entry';

/**
 * A virtual environment as `python -m venv` makes it, without pip: what turns a prefix with site-packages into an environment
 * of its own (PEP 405). Written by us, so that a wheel's layer depends on wheel and Python x.y alone.
 */
export function venvSkeleton(prefix: string, python: string, pythonFull: string): readonly TarEntry[] {
  const settings = [
    'home = /usr/bin',
    'include-system-site-packages = false',
    `version = ${pythonFull}`,
    `executable = /usr/bin/python${python}`,
    '',
  ];
  return [
    directoryEntry(prefix),
    directoryEntry(`${prefix}/bin`),
    directoryEntry(`${prefix}/lib/python${python}/site-packages`),
    symlinkEntry(`${prefix}/bin/python`, `/usr/bin/python${python}`),
    symlinkEntry(`${prefix}/bin/python3`, 'python'),
    symlinkEntry(`${prefix}/bin/python${python}`, 'python'),
    symlinkEntry(`${prefix}/lib64`, 'lib'),
    fileEntry(`${prefix}/pyvenv.cfg`, settings.join('\n')),
  ];
}
