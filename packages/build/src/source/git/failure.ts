import { GalleyError } from '@galley/api/error/galley-error';
import type { CommandResult } from '../../command/run-command.ts';
import { keyUnusable } from './access.ts';
import { redactUrl } from './address.ts';

/** What git said when it talked to `url`, as the one error that a person can act on; the result when all went well. */
export function expectDone(result: CommandResult, url: string): CommandResult {
  if (result.exitCode !== 0 || result.timedOut) throw explainGit(result, url);
  return result;
}

/**
 * Throws-worthy reading of a git that failed. Only whole phrases are looked for: a commit may hold `404` and `403` among its digits.
 * `SOURCE_TOO_LARGE`, `SOURCE_UNAUTHORIZED`, `SOURCE_NOT_FOUND`, else `SOURCE_UNREACHABLE`.
 */
export function explainGit(result: CommandResult, url: string): GalleyError {
  const said = redactUrl(result.stderr).trim().slice(-2000);
  const details = { url, git: said };
  if (isTooLarge(result)) {
    return new GalleyError('SOURCE_TOO_LARGE', `${url} sends more than a source may hold.`, {
      hint: 'Keep data out of the repository, or give a branch without the large files.',
      details,
    });
  }
  if (result.exitCode === keyUnusable) {
    return new GalleyError('SOURCE_UNAUTHORIZED', `The ssh key for ${url} cannot be used.`, {
      hint: 'Store a private key without a passphrase, whole from its first line to its last: galley secret set NAME < KEYFILE.',
      details,
    });
  }
  if (/Host key verification failed/.test(said)) {
    return new GalleyError(
      'SOURCE_UNAUTHORIZED',
      `The host key of ${url} is not the one that was known before.`,
      {
        hint: 'If the server changed its key, store it behind the private key in the secret: ssh-keyscan HOST gives the line.',
        details,
      },
    );
  }
  const closed =
    /could not read (?:Username|Password)|Authentication failed|Permission denied \(|terminal prompts disabled|returned error: 40[13]|HTTP 40[13]/i;
  if (closed.test(said)) {
    return new GalleyError('SOURCE_UNAUTHORIZED', `${url} does not let us in.`, {
      hint: 'Store a token or a private ssh key that may read it: galley secret set NAME, then deploy with --git-secret NAME. A repository that does not exist often answers the same.',
      details,
    });
  }
  if (
    /not found|does not appear to be a git repository|does not exist|returned error: 404|access denied or repository not exported/i.test(
      said,
    )
  ) {
    return new GalleyError('SOURCE_NOT_FOUND', `There is no git repository at ${url}.`, {
      hint: 'Check the address; a private repository answers the same to who has no token.',
      details,
    });
  }
  return new GalleyError(
    'SOURCE_UNREACHABLE',
    `git could not fetch from ${url}${result.timedOut ? ' in time' : ''}.`,
    {
      hint: 'Check the network and the proxy settings of this machine, then try again.',
      details,
      cause: new Error(said),
    },
  );
}

/** The limit on what git may write was hit: the kernel sends SIGXFSZ (25), or the write fails. */
export function isTooLarge(result: CommandResult): boolean {
  return /died of signal 25|File too large|file size limit/i.test(result.stderr);
}
