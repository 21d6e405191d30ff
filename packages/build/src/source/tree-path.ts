import { posix } from 'node:path';
import { GalleyError } from '@galley/api/error/galley-error';

const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/**
 * The bytes of a name as text. Other encodings are refused rather than replaced: a replaced name would name another file. Throws
 * `SOURCE_REFUSED` with the name as `caf\\xe9.csv`.
 */
export function decodePath(bytes: Buffer): string {
  try {
    return utf8.decode(bytes);
  } catch {
    const shown = [...bytes].map((byte) =>
      byte < 0x20 || byte > 0x7e ? `\\x${byte.toString(16).padStart(2, '0')}` : String.fromCodePoint(byte),
    );
    throw new GalleyError('SOURCE_REFUSED', `The name ${shown.join('')} in the repository is not UTF-8.`, {
      hint: 'Rename it (convmv -f latin1 -t utf8 does whole folders), then build again.',
      details: { path: shown.join('') },
    });
  }
}

/**
 * A path of a hostile repository, checked and normalised: relative, inside the tree, representable in a layer. Names are UTF-8;
 * other bytes cannot cross JSON and are refused rather than replaced (builders.md §8.1).
 */
export function checkTreePath(raw: string): string {
  const path = raw.replace(/^(?:\.\/)+/, '').replace(/\/+$/, '');
  const parts = path.split('/');
  const why = refusal(path, parts);
  if (why !== undefined) {
    throw new GalleyError(
      'SOURCE_REFUSED',
      `The path ${JSON.stringify(raw.length > 200 ? `${raw.slice(0, 200)}…` : raw)} in the repository ${why}.`,
      {
        hint: 'Rename or remove it, then build again.',
        details: { path: raw.slice(0, 2000) },
      },
    );
  }
  return path;
}

function refusal(path: string, parts: readonly string[]): string | undefined {
  if (path === '' || path.startsWith('/')) return 'is not relative';
  if (parts.some((part) => part === '..' || part === '.' || part === ''))
    return 'is not a plain path inside the tree';
  if (path.includes('\0') || path.includes('\uFFFD')) return 'is not valid UTF-8';
  if (Buffer.byteLength(path) > 1024) return 'is longer than 1024 bytes';
  // What no Linux file system can hold (NAME_MAX) cannot be unpacked from an image either.
  if (parts.some((part) => Buffer.byteLength(part) > 255)) return 'has a name longer than 255 bytes';
  // Layers spell a deletion as `.wh.NAME` (image-spec, layer.md): such a name cannot be carried as it is.
  if (parts.some((part) => part.startsWith('.wh.')))
    return 'starts a name with .wh., which image layers reserve';
  return undefined;
}

/** True for what never belongs to a source: git's own folder, at any depth. */
export function isGitInternal(path: string): boolean {
  return path.split('/').includes('.git');
}

/**
 * Where a path leads inside the tree when its symlinks are followed; undefined when it leaves the tree, is absolute or goes in
 * circles. A lexical check is not enough: `a -> b/..` leaves the tree when `b` is itself a link to `.`.
 */
export function resolveInTree(links: ReadonlyMap<string, string>, path: string): string | undefined {
  let todo = path.split('/');
  let at: string[] = [];
  let hops = 0;
  while (todo.length > 0) {
    const [part = '', ...rest] = todo;
    todo = rest;
    if (part === '' || part === '.') continue;
    if (part === '..') {
      if (at.length === 0) return undefined;
      at = at.slice(0, -1);
      continue;
    }
    const next = [...at, part];
    const target = links.get(next.join('/'));
    if (target === undefined) {
      at = next;
      continue;
    }
    hops += 1;
    if (hops > 40 || posix.isAbsolute(target)) return undefined;
    todo = [...target.split('/'), ...todo];
  }
  return at.join('/');
}

/**
 * A folder of the repository as a person names it (`contextDir`, `--subdir`): `./models//flight/` → `models/flight`; empty: all of it.
 * Throws `SOURCE_REFUSED` when it leads out.
 */
export function checkContextDir(raw: string): string {
  const path = posix.normalize(raw === '' ? '.' : raw).replace(/^\.?\/+|\/+$/g, '');
  return path === '.' || path === '' ? '' : checkTreePath(path);
}
