import { posix } from 'node:path';

/** Where a package comes from that no index gives by its name. */
export type DirectSource =
  /** A project (pyproject.toml or setup.py) in the repository; the folder, `''` for its root. */
  | { readonly kind: 'project'; readonly path: string }
  /** A wheel or a source archive that lies in the repository. */
  | { readonly kind: 'file'; readonly path: string }
  | {
      readonly kind: 'url';
      readonly url: string;
      readonly folder: string;
      readonly sha256: string | undefined;
    }
  | { readonly kind: 'git'; readonly url: string; readonly ref: string; readonly folder: string };

/** A direct reference (PEP 508, PEP 440 and pip's own forms), read. */
export interface Direct {
  /** Empty: it does not say. */
  readonly name: string;
  /** `[a,b]`, or empty. */
  readonly extras: string;
  /** `; python_version < "3.9"`, or empty. */
  readonly marker: string;
  readonly source: DirectSource;
  /** `-e`: images never change, so that it is installed as any other. */
  readonly editable: boolean;
}

const named = /^([A-Za-z0-9][A-Za-z0-9._-]*)\s*(\[[^\]]*\])?\s*@\s*(\S.*)$/;
const vcs = /^(git|hg|svn|bzr)\+/;

/**
 * Reads what pip takes for a direct reference: `name @ URL`, `git+https://…@ref#egg=name`, `./folder[extra]`, `x.whl`, and each of them
 * after `-e`. Undefined: a plain name with versions. A text: it is one that is not taken, and why.
 */
export function parseDirect(line: string, folder: string): Direct | string | undefined {
  const editable = /^(?:-e|--editable)(?:\s+|=)/.exec(line);
  const plain = editable === null ? line : line.slice(editable[0].length).replace(/^["']|["']$/g, '');
  const whole = named.exec(plain);
  const [target, marker] = splitMarker(whole?.[3] ?? plain);
  const source = sourceOf(target, folder);
  if (typeof source === 'string') return source;
  if (source === undefined) {
    return editable === null && whole === null ? undefined : 'is no path, URL or address of a git repository';
  }
  return {
    name: whole?.[1] ?? source.name,
    extras: (whole?.[2] ?? source.extras).replace(/\s+/g, ''),
    marker,
    source: source.source,
    editable: editable !== null,
  };
}

/** pip separates the marker of a URL by ` ;`: a `;` alone may be part of the address. */
function splitMarker(text: string): readonly [string, string] {
  const at = text.search(/\s;/);
  return at < 0 ? [text.trim(), ''] : [text.slice(0, at).trim(), text.slice(at).trim()];
}

interface Found {
  readonly name: string;
  readonly extras: string;
  readonly source: DirectSource;
}

function sourceOf(target: string, folder: string): Found | string | undefined {
  if (/\$\{/.test(target)) return 'holds an environment variable';
  if (vcs.test(target)) return gitSource(target);
  if (/^https?:\/\//.test(target)) return urlSource(target);
  if (/^[a-z][a-z0-9+.-]*:\/\//i.test(target) && !target.startsWith('file:'))
    return 'comes by an unknown scheme';
  return pathSource(target, folder);
}

function gitSource(target: string): Found | string {
  if (!target.startsWith('git+')) return 'comes from a version control system other than git';
  const [address = '', fragment = ''] = target.slice('git+'.length).split('#', 2);
  if (!address.startsWith('https://') && !/^http:\/\/(?:127\.|localhost)/.test(address))
    return 'is a git repository that is not reached by https';
  const at = address.indexOf('@', address.indexOf('/', 'https://'.length));
  const hints = new URLSearchParams(fragment);
  return {
    ...eggOf(hints),
    source: {
      kind: 'git',
      url: at < 0 ? address : address.slice(0, at),
      ref: at < 0 ? '' : address.slice(at + 1),
      folder: folderOf(hints),
    },
  };
}

function urlSource(target: string): Found | string {
  if (!URL.canParse(target)) return 'is no valid URL';
  const url = new URL(target);
  const hints = new URLSearchParams(url.hash.slice(1));
  url.hash = '';
  const file = fileNameOf(url);
  if (!/\.(?:whl|zip|tar\.gz|tgz|tar\.bz2|tar\.xz)$/.test(file))
    return 'is a URL of neither a wheel nor an archive';
  const egg = eggOf(hints);
  return {
    name: egg.name === '' ? nameOfWheel(file) : egg.name,
    extras: egg.extras,
    source: { kind: 'url', url: url.href, folder: folderOf(hints), sha256: hints.get('sha256') ?? undefined },
  };
}

/** The name of the file behind a URL, without folders; empty: it is no text. */
export function fileNameOf(url: URL): string {
  try {
    // Decoded first: a `%2F` would be a folder of its own making.
    return posix.basename(decodeURIComponent(url.pathname));
  } catch {
    return '';
  }
}

function pathSource(target: string, folder: string): Found | string | undefined {
  const isFile = target.startsWith('file:');
  const isArchive = /\.(?:whl|tar\.gz|tgz|zip)$/.test(target);
  if (
    !isFile &&
    !isArchive &&
    !/^(?:\.{1,2}(?:\/|\[|$)|\/|~)/.test(target) &&
    !/^[^\s<>=!~;[]+\//.test(target)
  )
    return undefined;
  const [, path = '', extras = ''] =
    /^(.*?)(\[[^\]]*\])?$/.exec(target.replace(/^file:(?:\/\/)?/, '').split('#')[0] ?? '') ?? [];
  if (/^[/~]/.test(path)) return 'is a path outside of the repository';
  const inner = posix.normalize(posix.join(folder, path)).replace(/\/$/, '');
  if (inner === '..' || inner.startsWith('../')) return 'is a path outside of the repository';
  const source: DirectSource = isArchive
    ? { kind: 'file', path: inner }
    : { kind: 'project', path: inner === '.' ? '' : inner };
  return { name: isArchive ? nameOfWheel(posix.basename(inner)) : '', extras, source };
}

function eggOf(hints: URLSearchParams): { readonly name: string; readonly extras: string } {
  const [, name = '', extras = ''] = /^([A-Za-z0-9._-]+)(\[[^\]]*\])?$/.exec(hints.get('egg') ?? '') ?? [];
  return { name, extras };
}

function folderOf(hints: URLSearchParams): string {
  return posix.normalize(`/${hints.get('subdirectory') ?? ''}`).replace(/^\/|\/$/g, '');
}

function nameOfWheel(file: string): string {
  return file.endsWith('.whl') ? (file.split('-')[0] ?? '') : '';
}
