import { createReadStream } from 'node:fs';
import { GalleyError } from '@galley/api/error/galley-error';
import { searchSecrets, shortestSecret } from '../secret/secret-search.ts';
import type { OutputFile } from '../workload/read-output.ts';

/**
 * Looks for values of declared secrets in what would become the model layer. Compressed files hide them; this catches the mistake, not
 * the thief. Throws `SECRET_IN_MODEL` naming secret and file, never the value.
 */
export async function findSecrets(
  files: readonly OutputFile[],
  secrets: Readonly<Record<string, string>>,
  signal?: AbortSignal,
): Promise<void> {
  const search = searchSecrets(secrets);
  for (const file of files) {
    const seeker = search.begin();
    for await (const chunk of createReadStream(file.file, { highWaterMark: 1024 * 1024 })) {
      signal?.throwIfAborted();
      seeker.see(chunk as Buffer);
      if (seeker.found === undefined) continue;
      throw new GalleyError(
        'SECRET_IN_MODEL',
        `${file.path} of the run holds the value of the secret ${seeker.found}.`,
        {
          hint: 'Read the secret where it is used instead of keeping it in a variable that predictor refers to or in a file.',
          details: { file: file.path, secret: seeker.found },
        },
      );
    }
  }
}

/** A text for people without the values of secrets: reports and executed notebooks show what cells printed. */
export function redactSecrets(text: string, secrets: Readonly<Record<string, string>>): string {
  let redacted = text;
  for (const value of Object.values(secrets)) {
    const plain = value.trim();
    if (plain.length < shortestSecret) continue;
    // As it is, and as JSON spells it inside a string.
    for (const form of new Set([plain, JSON.stringify(plain).slice(1, -1)]))
      redacted = redacted.replaceAll(form, '[secret]');
  }
  return redacted;
}
