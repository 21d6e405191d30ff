import { expectDone, explainGit, isTooLarge } from './failure.ts';
import {
  findReference,
  isFullCommit,
  isShortCommit,
  parseReferences,
  referenceNotFound,
  type RemoteReferences,
} from './reference.ts';
import { git, type GitOptions } from './run-git.ts';

/**
 * Brings one commit, without its history where the server gives it so, into the empty folder of `options`, and names it in full. Throws
 * `REF_NOT_FOUND`, `SOURCE_UNAUTHORIZED`, `SOURCE_NOT_FOUND`, `SOURCE_UNREACHABLE`, `SOURCE_TOO_LARGE`.
 */
export async function fetchCommit(url: string, ref: string, options: GitOptions): Promise<string> {
  const listed = expectDone(await git(['ls-remote', '--', url], options), url);
  const references = parseReferences(listed.stdout.toString('utf8'));
  const [any = ''] = references.values();
  const format = any.length === 64 || ref.length === 64 ? 'sha256' : 'sha1';
  expectDone(await git(['init', '--quiet', '--bare', `--object-format=${format}`, '.'], options), url);
  const found = findReference(references, ref);
  const wanted = found ?? (ref.startsWith('refs/') ? ref : undefined);
  if (wanted !== undefined) {
    const shallow = await git(['fetch', '--quiet', '--depth=1', '--no-tags', '--', url, wanted], options);
    if (shallow.exitCode === 0) return commitOf('FETCH_HEAD', ref, references, { url, options });
    if (isTooLarge(shallow)) throw explainGit(shallow, url);
  }
  if (found === undefined && !isShortCommit(ref)) throw referenceNotFound(references, ref, url);
  // Some servers hand out only tips, and a short commit is known only to who has them all.
  const all = ['+refs/heads/*:refs/heads/*', '+refs/tags/*:refs/tags/*'];
  expectDone(await git(['fetch', '--quiet', '--', url, ...all], options), url);
  return commitOf((found ?? ref).toLowerCase(), ref, references, { url, options });
}

async function commitOf(
  name: string,
  ref: string,
  references: RemoteReferences,
  at: { readonly url: string; readonly options: GitOptions },
): Promise<string> {
  const { cwd, signal } = at.options;
  const parsed = await git(['rev-parse', '--verify', '--quiet', `${name}^{commit}`], { cwd, signal });
  const commit = parsed.stdout.toString('utf8').trim();
  if (parsed.exitCode === 0 && isFullCommit(commit)) return commit;
  throw referenceNotFound(references, ref, at.url);
}
