import { GalleyError } from '@galley/api/error/galley-error';
import { fileEntry, type TarEntry } from '@galley/image/tar/entry';
import { readEntry } from '@galley/image/tar/read-entry';
import { readTar } from '@galley/image/tar/read-tar';
import { hostEnvironment } from '../command/host-environment.ts';
import { runCommand } from '../command/run-command.ts';

/** What is in a Debian package that a base needs. */
export interface UnpackedPackage {
  readonly entries: readonly TarEntry[];
  /** Its control paragraph, for the list of packages that scanners read. */
  readonly control: string;
}

/** Not needed to run anything. Licences (`copyright`) stay, as in Debian's own slim images. */
const excluded: readonly RegExp[] = [
  /^usr\/share\/(?:locale|man|info|lintian|bug|doc-base|menu|gcc|bash-completion|pixmaps|gdb)\//,
  /^usr\/share\/doc\/[^/]+\/(?!copyright$)/,
  /^usr\/lib\/python3[^/]*\/(?:test|idlelib|lib2to3\/tests)\//,
];

/** Top folders that are links into /usr on a merged system: a directory of a package must never take their place (builders.md §8.1). */
const merged = /^(?:bin|sbin|lib|lib32|lib64|libx32)(?=\/|$)/;

/**
 * Reads a .deb without running any of its scripts and without root: owners and set-id bits are dropped, paths go through the
 * merged /usr. Throws `BASE_UNAVAILABLE` when dpkg-deb cannot read it, `HOST_PROGRAM_MISSING`.
 */
export async function unpackPackage(file: string, signal?: AbortSignal): Promise<UnpackedPackage> {
  const [tar, control] = await Promise.all([
    dpkgDeb(['--fsys-tarfile', file], signal),
    dpkgDeb(['--field', file], signal),
  ]);
  const entries: TarEntry[] = [];
  for await (const entry of readTar(
    [tar] as unknown as AsyncIterable<Uint8Array>,
    { entriesMax: 50_000, bytesMax: 1e9 },
    signal,
  )) {
    const path = entry.path.replace(merged, 'usr/$&');
    // The links themselves are ours to make, and the merged folders come with what is in them.
    if (merged.test(entry.path) && !entry.path.includes('/')) continue;
    if (excluded.some((pattern) => pattern.test(entry.type === 'directory' ? `${path}/x` : path))) continue;
    entries.push(await keep(entry, path));
  }
  return { entries, control: control.toString('utf8').trim() };
}

async function keep(entry: TarEntry, path: string): Promise<TarEntry> {
  const { type } = entry;
  const mode = entry.mode & (type === 'directory' ? 0o1777 : 0o777);
  if (type === 'symlink') return { path, type, mode: 0o777, size: 0, linkTarget: entry.linkTarget ?? '' };
  if (type === 'hardlink') {
    return { path, type, mode, size: 0, linkTarget: (entry.linkTarget ?? '').replace(merged, 'usr/$&') };
  }
  if (type === 'directory') return { path, type, mode, size: 0 };
  const bytes = await readEntry(entry, entry.size);
  return fileEntry(path, bytes ?? '', mode);
}

async function dpkgDeb(args: readonly string[], signal: AbortSignal | undefined): Promise<Buffer> {
  const result = await runCommand(['dpkg-deb', ...args], {
    env: hostEnvironment(),
    signal,
    maxOutputBytes: 512 * 1024 * 1024,
  }).catch((cause: unknown) => {
    if (!(cause instanceof Error && 'code' in cause && cause.code === 'ENOENT')) throw cause;
    throw new GalleyError('HOST_PROGRAM_MISSING', 'dpkg-deb is not installed on this machine.', {
      hint: 'Install it: apt-get install dpkg',
      cause,
    });
  });
  if (result.exitCode === 0) return result.stdout;
  throw new GalleyError('BASE_UNAVAILABLE', `dpkg-deb cannot read ${args.at(-1)}.`, {
    hint: 'Remove the file; it is fetched again.',
    cause: new Error(result.stderr.trim()),
  });
}
