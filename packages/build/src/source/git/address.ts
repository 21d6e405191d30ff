import { GalleyError } from '@galley/api/error/galley-error';
import { isFullCommit } from './reference.ts';

/** How git talks to a repository. `file` is a path of this machine. */
export type Transport = 'https' | 'http' | 'ssh' | 'git' | 'file';

/** The address of a repository as git is given it: without a password, without a fragment. */
export interface GitAddress {
  readonly transport: Transport;
  readonly url: string;
  /** Empty for a path. */
  readonly host: string;
  /** A user that the address names: `git` of `git@host:path`; empty where none is named. */
  readonly user: string;
  /** What `#` named: a branch, tag or commit; empty: nothing. */
  readonly fragment: string;
}

const scp =
  /^(?:([A-Za-z0-9_][A-Za-z0-9._-]*)@)?([A-Za-z0-9_][A-Za-z0-9._-]*|\[[0-9a-fA-F:]+\]):(?!\/\/|:)([^\0\n]+)$/;
const transports = new Set<Transport>(['https', 'http', 'ssh', 'git', 'file']);
/** GitHub and GitLab accept a token in place of the user. */
const tokenLike = /^(?:gh[a-z]_|github_pat_|glpat-|gldt-)|^[A-Za-z0-9_-]{32,}$/;

/**
 * Reads what a person may write: an https, ssh, git or file URL, a path, `git@host:path`, each with `#ref` behind it, and pip's
 * `git+https://…@ref`. Refuses what git would take for an option or for a transport that runs a program (`ext::`), and an address
 * with a password in it. Throws `SOURCE_REFUSED`.
 */
export function parseGitAddress(text: string): GitAddress {
  const { bare, fragment } = splitFragment(text.trim());
  // oxlint-disable-next-line no-control-regex -- control characters are what is looked for
  if (/[\u0000-\u001f\u007f]/.test(bare)) throw refused(text, 'holds control characters');
  if (bare.startsWith('/')) return { transport: 'file', url: bare, host: '', user: '', fragment };
  if (/^[a-z][a-z0-9+.-]*:\/\//i.test(bare)) return fromUrl(bare, fragment);
  const [, user = '', host = '', path = ''] = scp.exec(bare) ?? [];
  if (host === '' || path.startsWith('-')) throw refused(text, 'is no address that a source may come from');
  return { transport: 'ssh', url: bare, host: host.toLowerCase(), user, fragment };
}

function fromUrl(bare: string, fragment: string): GitAddress {
  const parsed = URL.canParse(bare) ? new URL(bare) : undefined;
  const transport = parsed?.protocol.slice(0, -1) as Transport | undefined;
  // `https:///a` would be read as the host `a`.
  if (
    parsed === undefined ||
    transport === undefined ||
    !transports.has(transport) ||
    /^(?!file:)[^/]*\/\/\//.test(bare)
  )
    throw refused(bare, 'is no address that a source may come from');
  if (transport === 'file') {
    if (parsed.host !== '') throw refused(bare, 'names another machine, which file:// cannot reach');
    // Not `pathname`: git takes the rest of a file URL as it is written, escapes and all.
    return { transport, url: bare, host: '', user: '', fragment };
  }
  const user = decodeURIComponent(parsed.username);
  if (parsed.password !== '' || (transport !== 'ssh' && tokenLike.test(user))) throw holdsPassword(bare);
  if (parsed.hostname === '' || parsed.hostname.startsWith('-') || user.startsWith('-'))
    throw refused(bare, 'names no host');
  // With ssh the user is part of the address; elsewhere it goes to the credentials, so that none is in an argument.
  if (transport !== 'ssh') parsed.username = '';
  return { transport, url: parsed.href, host: parsed.host.toLowerCase(), user, fragment };
}

function splitFragment(text: string): { bare: string; fragment: string } {
  const pip = /^git\+(.+)$/i.exec(text)?.[1];
  const [bare = '', ...rest] = (pip ?? text).split('#');
  const fragment = rest.join('#');
  if (pip === undefined) return { bare, fragment };
  // pip: `git+https://host/team/model.git@v1#egg=…`; the `@` of a user stands before the first `/` of the path.
  const at = /^([a-z]+:\/\/[^/]*\/.*)@([^@]+)$/i.exec(bare);
  return { bare: at?.[1] ?? bare, fragment: at?.[2] ?? '' };
}

/**
 * Who may be talked to. Without TLS or ssh nobody vouches for the content, so http and git are for this machine, or for a commit that is
 * named in full: git checks every object against its name. Throws `SOURCE_REFUSED`.
 */
export function checkTransport(
  address: GitAddress,
  rules: {
    /** Whether a path of this machine may be read: the builder's own person asked for it. */
    readonly local: boolean;
    readonly ref: string;
  },
): void {
  const { transport, url } = address;
  if (transport === 'file' && !rules.local) {
    throw new GalleyError(
      'SOURCE_REFUSED',
      `${url} is a path of the server's machine, which is not yours to read.`,
      {
        hint: 'galley deploy FOLDER --ref REF uploads the commit; or give an https or ssh address.',
        details: { url },
      },
    );
  }
  const open = transport === 'http' || transport === 'git';
  if (!open || isLoopback(address.host) || isFullCommit(rules.ref)) return;
  throw new GalleyError(
    'SOURCE_REFUSED',
    `${url} is not encrypted: whoever is on the way could change what it brings.`,
    {
      hint: 'Use https:// or ssh://, or name the full commit (#<its 40 or 64 digits>), which git checks.',
      details: { url },
    },
  );
}

/** `localhost`, `127.x.y.z`, `[::1]`, with or without a port. */
export function isLoopback(host: string): boolean {
  return /^(?:localhost|127\.\d+\.\d+\.\d+|\[::1\])(?::\d+)?$/.test(host);
}

/**
 * The address of a submodule: relative ones (`../data.git`) count from the repository that names them, as git-submodule(1) resolves
 * them. Throws `SOURCE_REFUSED` when it leads above the root of the address.
 */
export function resolveSubmodule(parent: string, url: string): string {
  if (!/^\.\.?(?:\/|$)/.test(url)) return url;
  let base = parent.replace(/\/+$/, '');
  let rest = url;
  for (;;) {
    if (rest.startsWith('./')) rest = rest.slice(2);
    else if (rest.startsWith('../')) {
      rest = rest.slice(3);
      const cut = Math.max(base.lastIndexOf('/'), scp.test(base) ? base.lastIndexOf(':') : -1);
      if (cut <= 0 || /^[a-z]+:\/*$/i.test(base.slice(0, cut))) throw refused(url, `leads above ${parent}`);
      // `host:path` keeps its colon.
      base = base[cut] === ':' ? base.slice(0, cut + 1) : base.slice(0, cut);
    } else break;
  }
  return base.endsWith(':') ? `${base}${rest}` : `${base}/${rest}`;
}

/** Where it is asked, as a URL: `git@host:path` is none. */
export function hostUrl(address: GitAddress): string {
  return address.url.includes('://') ? address.url : `ssh://${address.host}`;
}

/** Who an ssh address is for: `user@host`, a port or an empty text, and the path as the server's shell is given it. */
export function sshTarget(address: GitAddress): { host: string; port: string; path: string } {
  const name = address.host.replace(/:\d+$/, '').replace(/^\[|\]$/g, '');
  const host = address.user === '' ? name : `${address.user}@${name}`;
  if (!address.url.startsWith('ssh://')) return { host, port: '', path: scp.exec(address.url)?.[3] ?? '' };
  const { port, pathname } = new URL(address.url);
  // As git-lfs sends it: `/~/x` is below the home folder, and the first slash is left out.
  return { host, port, path: decodeURIComponent(pathname).replace(/^\//, '') };
}

/** The address without user and password: what logs, labels and errors may hold (builders.md §8.6). */
export function redactUrl(url: string): string {
  return url.replace(/([a-z][a-z0-9+.-]*:\/\/)[^/?#\s]*@/gi, '$1');
}

function refused(url: string, why: string): GalleyError {
  return new GalleyError('SOURCE_REFUSED', `${redactUrl(url)} ${why}.`, {
    hint: 'Use https://…, ssh://…, git@host:path or file:///….',
  });
}

function holdsPassword(url: string): GalleyError {
  return new GalleyError(
    'SOURCE_REFUSED',
    `The address ${redactUrl(url)} came with a password or token in it.`,
    {
      hint: 'Addresses end in logs and labels: store the token with galley secret set NAME and deploy with --git-secret NAME; galley build reads it from GALLEY_GIT_SECRET.',
    },
  );
}
