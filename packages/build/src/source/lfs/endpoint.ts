import { isObject } from '@galley/api/json-object';
import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { GalleyError } from '@galley/api/error/galley-error';
import { textOf } from '../../workload/read-json.ts';
import { sshTarget, type GitAddress } from '../git/address.ts';
import { git, runSsh, type GitOptions } from '../git/run-git.ts';
import { lfsAbsent } from './batch.ts';
import { parseJson, textRecord } from './json.ts';

/** Where the content of a repository's pointers is kept. */
export type LfsEndpoint =
  | { readonly kind: 'folder'; readonly path: string }
  | {
      readonly kind: 'http';
      /** Without `/objects/batch`. */
      readonly url: string;
      readonly headers: Readonly<Record<string, string>>;
    };

/**
 * The endpoint as git-lfs finds it (docs/api/server-discovery.md): `lfs.url` of the commit's .lfsconfig, else what the ssh server answers to
 * git-lfs-authenticate, else the address with `.git/info/lfs`. A path of this machine has its objects beside it. Throws `LFS_POINTER`.
 */
export async function findEndpoint(
  address: GitAddress,
  wanted: {
    readonly commit: string;
    /** A file that needs it, for the error. */
    readonly path: string;
  },
  options: GitOptions,
): Promise<LfsEndpoint> {
  const none = (why: string): GalleyError => lfsAbsent(wanted.path, `${why} (${address.url})`);
  if (address.transport === 'file') return localFolder(address, none);
  const configured = await configuredUrl(wanted.commit, options);
  if (configured !== undefined) return { kind: 'http', url: configured, headers: {} };
  if (address.transport === 'ssh') return authenticate(address, options, none);
  if (address.transport === 'git') throw none('the git protocol carries no Git LFS');
  const base = address.url.replace(/\/+$/, '');
  return { kind: 'http', url: `${base}${base.endsWith('.git') ? '' : '.git'}/info/lfs`, headers: {} };
}

/** Read as a blob, so that no `include` of it is followed. */
async function configuredUrl(commit: string, options: GitOptions): Promise<string | undefined> {
  const { cwd, signal } = options;
  const read = await git(['config', '--blob', `${commit}:.lfsconfig`, '--get', 'lfs.url'], { cwd, signal });
  const url = read.exitCode === 0 ? read.stdout.toString('utf8').trim() : '';
  return /^https?:\/\//.test(url) && URL.canParse(url) ? url.replace(/\/+$/, '') : undefined;
}

async function localFolder(address: GitAddress, none: (why: string) => GalleyError): Promise<LfsEndpoint> {
  const root = address.url.startsWith('/') ? address.url : fileURLToPath(address.url);
  for (const path of [join(root, 'lfs/objects'), join(root, '.git/lfs/objects')]) {
    if ((await stat(path).catch(() => undefined))?.isDirectory() === true) return { kind: 'folder', path };
  }
  throw none('there are no Git LFS objects beside it');
}

async function authenticate(
  address: GitAddress,
  options: GitOptions,
  none: (why: string) => GalleyError,
): Promise<LfsEndpoint> {
  const { port, host, path } = sshTarget(address);
  // ssh hands one line to the server's shell; a hostile path must stay one word of it.
  const quoted = `'${path.replaceAll("'", String.raw`'\''`)}'`;
  const target = ['--', host, `git-lfs-authenticate ${quoted} download`];
  const answer = await runSsh([...(port === '' ? [] : ['-p', port]), ...target], options);
  const value = parseJson(answer.stdout.toString('utf8'));
  const href = isObject(value) ? textOf(value['href']) : '';
  if (answer.exitCode !== 0 || !/^https?:\/\//.test(href) || !URL.canParse(href))
    throw none('its server does not answer git-lfs-authenticate');
  const headers = isObject(value) ? textRecord(value['header']) : {};
  return { kind: 'http', url: href.replace(/\/+$/, ''), headers };
}
