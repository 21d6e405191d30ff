import { GalleyError } from '@galley/api/error/galley-error';
import { checkPublic, type GuardOptions } from '../../download/guarded-http.ts';
import {
  checkTransport,
  hostUrl,
  isLoopback,
  parseGitAddress,
  resolveSubmodule,
  type GitAddress,
} from './address.ts';
import { git, type GitOptions } from './run-git.ts';

/** Where submodules are, by their path from the root of the repository. */
export type SubmoduleUrls = ReadonlyMap<string, string>;

/** .gitmodules of a commit, read as a blob: nothing in it is followed or run. A broken one names no submodules. */
export async function readSubmodules(commit: string, options: GitOptions): Promise<SubmoduleUrls> {
  const { cwd, signal } = options;
  const read = await git(['config', '--blob', `${commit}:.gitmodules`, '-z', '--list'], { cwd, signal });
  const byName = new Map<string, { path?: string; url?: string }>();
  for (const line of read.exitCode === 0 ? read.stdout.toString('utf8').split('\0') : []) {
    const [, name = '', key = '', value = ''] =
      /^submodule\.([\s\S]*)\.(path|url)\n([\s\S]*)$/.exec(line) ?? [];
    if (key !== '') byName.set(name, { ...byName.get(name), [key]: value });
  }
  return new Map(
    [...byName.values()].flatMap(({ path, url }) =>
      path === undefined || url === undefined ? [] : [[path.replace(/\/+$/, ''), url] as const],
    ),
  );
}

/**
 * The address of a submodule and whether the credentials of the repository above may be shown there: only to the same server. A
 * repository from elsewhere must not lead us to paths of this machine or into its networks. Throws `SOURCE_REFUSED`, `EGRESS_DENIED`.
 */
export async function submoduleAddress(
  parent: GitAddress,
  url: string,
  commit: string,
  /** Undefined: the person who builds owns this machine, and its networks are theirs. */
  guard: GuardOptions | undefined,
): Promise<{ readonly address: GitAddress; readonly sameServer: boolean }> {
  const address = parseGitAddress(resolveSubmodule(parent.url, url));
  const local = parent.transport === 'file';
  checkTransport(address, { local, ref: commit });
  if (isLoopback(address.host) && !local && !isLoopback(parent.host)) {
    throw new GalleyError(
      'SOURCE_REFUSED',
      `${address.url} is a service of this machine, to which a repository may not lead.`,
      {
        hint: 'Give the submodule an address that everybody can reach.',
        details: { url: address.url },
      },
    );
  }
  // Where the repository itself came from was named by a person.
  const isHome = local || address.host === parent.host || isLoopback(address.host);
  if (guard !== undefined && !isHome) await checkPublic(hostUrl(address), guard);
  return { address, sameServer: address.transport === parent.transport && address.host === parent.host };
}

/** `SUBMODULE_UNAVAILABLE`, which names the submodule and keeps what was in the way as its cause. */
export function submoduleUnavailable(path: string, url: string, cause: unknown): GalleyError {
  const why = cause instanceof Error ? cause.message : '.gitmodules does not say where it is.';
  return new GalleyError('SUBMODULE_UNAVAILABLE', `The submodule ${path} cannot be fetched: ${why}`, {
    hint: 'Mend its entry in .gitmodules, or build without submodules: --no-submodules (source.git.submodules: false).',
    details: { path, url },
    ...(cause === undefined ? {} : { cause }),
  });
}
