import { git, type GitOptions } from './run-git.ts';

/** What a commit says about itself. */
export interface CommitFacts {
  /** When it was made, RFC 3339. */
  readonly committedAt?: string;
  /** `Name <mail>`. */
  readonly author?: string;
  /** The first line of its message. */
  readonly subject?: string;
}

const textMax = 200;

/**
 * Empty: there is no such commit, or no git work tree. Read from the object: `git show` and `git log` would check its signature with whatever program
 * the repository's configuration names (`log.showSignature`, `gpg.program`).
 */
export async function commitFacts(commit: string, options: GitOptions): Promise<CommitFacts> {
  const shown = await git(['cat-file', 'commit', commit], options).catch(() => undefined);
  if (shown?.exitCode !== 0) return {};
  const [header = '', ...message] = shown.stdout.toString('utf8').split('\n\n');
  const seconds = Number(/^committer .* (\d{1,11}) [+-]\d{4}$/m.exec(header)?.[1] ?? Number.NaN);
  const author = /^author (.*) \d{1,11} [+-]\d{4}$/m.exec(header)?.[1];
  const subject = message.join('\n\n').trim().split('\n')[0] ?? '';
  return {
    ...(Number.isNaN(seconds) ? {} : { committedAt: new Date(seconds * 1000).toISOString() }),
    ...(author === undefined ? {} : { author: author.slice(0, textMax) }),
    ...(subject === '' ? {} : { subject: subject.slice(0, textMax) }),
  };
}
