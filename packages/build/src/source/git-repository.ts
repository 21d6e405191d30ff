import { mkdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { GalleyError } from '@galley/api/error/galley-error';
import type { CommandResult } from '../command/run-command.ts';
import { splitNul } from './directory.ts';
import { commitTime, git, isLoopback, type GitOptions } from './git-command.ts';
import { findReference, parseReferences, referenceNotFound, type RemoteReferences } from './git-reference.ts';
import { matchIgnoreRules } from './ignore-rules.ts';
import { readTar } from './read-tar.ts';
import type { SourceTree } from './source-tree.ts';
import { TreeBuilder } from './tree-builder.ts';

export interface GitSource {
  readonly url: string;
  /** Branch, tag, commit or its first digits; empty: the default branch. */
  readonly ref: string;
  /** A folder of the repository that is the source; empty: all of it. */
  readonly contextDir: string;
  readonly token?: string | undefined;
}

/** `git archive` of a whole repository in memory; above it is data, not a repository of notebooks. */
const archiveLimit = 1024 ** 3;

/**
 * A git repository as a source: one commit without its history, read from git's objects rather than from a checkout, so that
 * neither the umask nor a filter of the repository has a say. Throws `REF_NOT_FOUND`, `SOURCE_UNAUTHORIZED`,
 * `SOURCE_NOT_FOUND`, `SOURCE_UNREACHABLE`, and what every source throws.
 */
export async function openGit(
  source: GitSource,
  options: { readonly spool: string; readonly signal?: AbortSignal | undefined },
): Promise<SourceTree> {
  const { url, token } = splitCredential(checkUrl(source.url), source.token);
  const shown = redactUrl(url);
  const work = join(options.spool, 'git');
  await mkdir(work, { recursive: true, mode: 0o700 });
  const gitOptions: GitOptions = {
    cwd: work,
    signal: options.signal,
    credential: /^https?:/.test(url) ? { url, token } : undefined,
  };
  const listed = expectDone(await git(['ls-remote', '--', url], gitOptions), shown);
  const references = parseReferences(listed.stdout.toString('utf8'));
  expectDone(await git(['init', '--quiet', '--bare', '.'], gitOptions), shown);
  const commit = await fetchCommit(source.ref, references, url, gitOptions);
  const folder = source.contextDir.replace(/^[./]+|\/+$/g, '');
  const tree = folder === '' ? commit : `${commit}:${folder}`;
  const builder = new TreeBuilder(join(options.spool, 'files'));
  const submodules = await listSubmodules(tree, folder, shown, gitOptions);
  const archive = await git(['archive', '--format=tar', tree], {
    ...gitOptions,
    maxOutputBytes: archiveLimit,
  });
  expectDone(archive, shown);
  await readTar(Readable.from([archive.stdout]), builder, options.signal);
  const committedAt = await commitTime(commit, gitOptions);
  await rm(work, { recursive: true, force: true });
  const rules = new Map<string, string>();
  const built = await builder.finish({
    origin: `git ${shown} ${source.ref === '' ? 'default branch' : source.ref} (${commit.slice(0, 7)})`,
    commit,
    committedAt,
    warnings: submodules.map((path) => `the submodule ${path} was left out`),
    ignoredBy: (path) => Promise.resolve(matchIgnoreRules(rules, path)),
  });
  await collectIgnoreFiles(built, rules);
  return built;
}

/** Reads every .gitignore of a finished tree into `rules`, so that a file which a cell misses can be explained. */
export async function collectIgnoreFiles(tree: SourceTree, rules: Map<string, string>): Promise<void> {
  for (const entry of tree.entries) {
    if (entry.kind !== 'file' || !/(^|\/)\.gitignore$/.test(entry.path)) continue;
    const folder = entry.path === '.gitignore' ? '' : entry.path.slice(0, -'/.gitignore'.length);
    rules.set(folder, (await tree.read(entry, 1024 * 1024)).toString('utf8'));
  }
}

async function fetchCommit(
  ref: string,
  references: RemoteReferences,
  url: string,
  options: GitOptions,
): Promise<string> {
  const found = findReference(references, ref);
  if (found !== undefined) {
    const shallow = await git(['fetch', '--quiet', '--depth=1', '--no-tags', '--', url, found], options);
    if (shallow.exitCode === 0) return found;
  }
  if (found === undefined && !/^[0-9a-f]{4,39}$/.test(ref))
    throw referenceNotFound(references, ref, redactUrl(url));
  // Some servers hand out only tips, and a short commit is known only to who has them all.
  const all = ['+refs/heads/*:refs/heads/*', '+refs/tags/*:refs/tags/*'];
  expectDone(await git(['fetch', '--quiet', '--', url, ...all], options), redactUrl(url));
  const parsed = await git(['rev-parse', '--verify', '--quiet', `${found ?? ref}^{commit}`], options);
  if (parsed.exitCode !== 0) throw referenceNotFound(references, ref, redactUrl(url));
  return parsed.stdout.toString('utf8').trim();
}

async function listSubmodules(
  tree: string,
  folder: string,
  shown: string,
  options: GitOptions,
): Promise<readonly string[]> {
  const listed = await git(['ls-tree', '-r', '-z', tree], options);
  if (listed.exitCode !== 0 && folder !== '') {
    throw new GalleyError('SOURCE_NOT_FOUND', `${shown} has no folder ${folder}.`, {
      hint: 'Check contextDir: it is relative to the root of the repository.',
      details: { contextDir: folder },
    });
  }
  return splitNul(expectDone(listed, shown).stdout)
    .filter((line) => line.startsWith('160000 '))
    .map((line) => line.split('\t')[1] ?? '');
}

/** Refuses what git would take for an option or for a transport that runs a program (`ext::`). Throws `SOURCE_REFUSED`. */
export function checkUrl(url: string): string {
  const scp = /^[A-Za-z0-9._-]+@[A-Za-z0-9.-]+:(?!\/\/)[^\0\n]+$/.test(url);
  const parsed = URL.canParse(url) ? new URL(url) : undefined;
  const allowed =
    scp ||
    url.startsWith('/') ||
    (parsed !== undefined &&
      (['https:', 'ssh:', 'file:'].includes(parsed.protocol) ||
        (parsed.protocol === 'http:' && isLoopback(parsed.hostname))));
  if (allowed) return url;
  throw new GalleyError('SOURCE_REFUSED', `${redactUrl(url)} is no address that a source may come from.`, {
    hint: 'Use https://…, ssh://…, git@host:path or file:///….',
  });
}

/** Takes `user:password@` out of an address: argv and git's own messages would show it. The password becomes the token. */
function splitCredential(url: string, token: string | undefined): { url: string; token: string } {
  if (!/^https?:/.test(url)) return { url, token: token ?? '' };
  const parsed = new URL(url);
  const password = decodeURIComponent(parsed.password === '' ? parsed.username : parsed.password);
  parsed.username = '';
  parsed.password = '';
  return { url: parsed.href, token: token ?? password };
}

/** The address without user and password: what logs, labels and errors may hold (builders.md §8.6). */
export function redactUrl(url: string): string {
  return url.replace(/^([a-z+]+:\/\/)[^/@]*@/i, '$1');
}

function expectDone(result: CommandResult, url: string): CommandResult {
  if (result.exitCode === 0) return result;
  const said = result.stderr.replace(/([a-z+]+:\/\/)[^/@\s]*@/gi, '$1').trim();
  const details = { url, git: said.slice(-2000) };
  if (
    /could not read Username|Authentication failed|Permission denied|403|401|terminal prompts disabled/i.test(
      said,
    )
  ) {
    throw new GalleyError('SOURCE_UNAUTHORIZED', `${url} does not let us in.`, {
      hint: 'Store a token that may read it: galley secret set NAME, then name the secret in the source.',
      details,
    });
  }
  if (/not found|does not appear to be a git repository|does not exist|404/i.test(said)) {
    throw new GalleyError('SOURCE_NOT_FOUND', `There is no git repository at ${url}.`, {
      hint: 'Check the address; a private repository answers the same to who has no token.',
      details,
    });
  }
  throw new GalleyError('SOURCE_UNREACHABLE', `git could not fetch from ${url}.`, {
    hint: 'Check the network and the proxy settings of this machine, then try again.',
    details,
    cause: new Error(said.slice(-2000)),
  });
}
