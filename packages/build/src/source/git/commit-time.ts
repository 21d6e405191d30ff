import { git, type GitOptions } from './run-git.ts';

/**
 * When a commit was made, RFC 3339; undefined: there is no such commit, or no git work tree. Read from the object: `git show` and `git log`
 * would check its signature with whatever program the repository's configuration names (`log.showSignature`, `gpg.program`).
 */
export async function commitTime(commit: string, options: GitOptions): Promise<string | undefined> {
  const shown = await git(['cat-file', 'commit', commit], options).catch(() => undefined);
  const [header = ''] = shown?.exitCode === 0 ? shown.stdout.toString('utf8').split('\n\n') : [];
  const seconds = Number(/^committer .* (\d{1,11}) [+-]\d{4}$/m.exec(header)?.[1] ?? Number.NaN);
  return Number.isNaN(seconds) ? undefined : new Date(seconds * 1000).toISOString();
}
