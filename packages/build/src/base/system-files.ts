import { directoryEntry, fileEntry, symlinkEntry, type TarEntry } from '@galley/image/tar/entry';
import { venvEntries } from '@galley/image/wheel/venv-entries';
import { userEnvironment } from '../layers/environments.ts';

/** What maintainer scripts would have made, and what every image of ours has besides Debian. */
export interface SystemFacts {
  /** `3.11`. */
  readonly python: string;
  /** `/usr/bin/python3.11`, or where it really lies. */
  readonly interpreter: string;
  /** Every certificate of ca-certificates, in the order of their file names. */
  readonly certificates: readonly Buffer[];
  /** Control paragraphs of the packages, sorted. */
  readonly controls: readonly string[];
}

/** Folders that whoever runs the image may write to: it runs with group 0 under any user id (DESIGN.md §4). */
const writable = [
  'home/galley',
  'home/galley/app',
  'home/galley/.cache',
  'home/galley/.config',
  'home/galley/.local',
  'galley/out',
  'run/galley',
];

/** The user that the images name; an engine may run them under any other, with group 0. */
export const imageUser = { uid: 1001, name: 'galley' };

/** Pure: the same facts give the same entries. */
export function systemFiles(facts: SystemFacts): readonly TarEntry[] {
  const python = `python${facts.python}`;
  return [
    ...['bin', 'sbin', 'lib', 'lib64'].map((name) => symlinkEntry(name, `usr/${name}`)),
    ...[
      'usr/bin',
      'usr/sbin',
      'usr/lib',
      'usr/lib64',
      'etc',
      'dev',
      'proc',
      'sys',
      'opt/galley',
      'galley/in',
      'var/lib/galley',
      'home',
    ].map((path) => directoryEntry(path)),
    directoryEntry('tmp', 0o1777),
    directoryEntry('var/tmp', 0o1777),
    directoryEntry('root', 0o700),
    ...writable.map((path) => directoryEntry(path, 0o775)),
    fileEntry('etc/passwd', passwd()),
    fileEntry('etc/group', 'root:x:0:\ntty:x:5:\nnogroup:x:65534:\n'),
    fileEntry('etc/shadow', '', 0o640),
    fileEntry('etc/hostname', 'galley\n'),
    fileEntry('etc/nsswitch.conf', 'passwd: files\ngroup: files\nhosts: files dns\n'),
    fileEntry('etc/ssl/certs/ca-certificates.crt', Buffer.concat([...facts.certificates])),
    // OpenSSL looks here first; Debian relies on hashed links that a maintainer script would make.
    symlinkEntry('usr/lib/ssl/cert.pem', '/etc/ssl/certs/ca-certificates.crt'),
    symlinkEntry('usr/bin/python3', python),
    symlinkEntry('usr/bin/python', python),
    // Scanners find Debian's packages by this file, although dpkg never ran here.
    fileEntry('var/lib/dpkg/status', facts.controls.map(asInstalled).join('\n')),
    ...venvEntries(userEnvironment(facts.python), facts.interpreter),
  ];
}

function passwd(): string {
  return [
    'root:x:0:0:root:/root:/bin/sh',
    'nobody:x:65534:65534:nobody:/nonexistent:/usr/sbin/nologin',
    `${imageUser.name}:x:${imageUser.uid}:0:Galley:/home/galley:/bin/sh`,
    '',
  ].join('\n');
}

/** A control paragraph as dpkg's status has it. */
export function asInstalled(control: string): string {
  const [first = '', ...rest] = control.split('\n');
  return [first, 'Status: install ok installed', ...rest, ''].join('\n');
}
