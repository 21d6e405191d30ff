import { createReadStream } from 'node:fs';
import { GalleyError } from '@galley/api/error/galley-error';
import { formsOf, searchSecrets } from '../secret/secret-search.ts';
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
  const found = await firstSecret(files, secrets, signal);
  if (found === undefined) return;
  throw new GalleyError(
    'SECRET_IN_MODEL',
    `${found.file} of the run holds the value of the secret ${found.secret}.`,
    {
      hint: 'Read the secret where it is used instead of keeping it in a variable that predictor refers to or in a file.',
      details: found,
    },
  );
}

/** The same as a question: what is kept for a next run and not given to anybody is left out, and fails nothing. */
export async function holdsSecret(
  files: readonly OutputFile[],
  secrets: Readonly<Record<string, string>>,
  signal?: AbortSignal,
): Promise<boolean> {
  return (await firstSecret(files, secrets, signal)) !== undefined;
}

async function firstSecret(
  files: readonly OutputFile[],
  secrets: Readonly<Record<string, string>>,
  signal?: AbortSignal,
): Promise<{ file: string; secret: string } | undefined> {
  const search = searchSecrets(secrets);
  for (const file of files) {
    const seeker = search.begin();
    for await (const chunk of createReadStream(file.file, { highWaterMark: 1024 * 1024 })) {
      signal?.throwIfAborted();
      seeker.see(chunk as Buffer);
      if (seeker.found !== undefined) return { file: file.path, secret: seeker.found };
    }
  }
  return undefined;
}

/** A text for people without the values of secrets: reports and executed notebooks show what cells printed. */
export function redactSecrets(text: string, secrets: Readonly<Record<string, string>>): string {
  let redacted = text;
  for (const value of Object.values(secrets)) {
    for (const form of [...formsOf(value), ...linesOf(value)]) {
      // As it is, and as JSON spells it inside a string.
      for (const spelt of new Set([form, JSON.stringify(form).slice(1, -1)]))
        redacted = redacted.replaceAll(spelt, '[secret]');
    }
  }
  return redacted;
}

/** The same of every text of a JSON value, names of members too. A number that spells a secret becomes a text. */
export function redactValue<T>(value: T, secrets: Readonly<Record<string, string>>): T {
  if (Object.keys(secrets).length === 0) return value;
  const walk = (part: unknown): unknown => {
    if (typeof part === 'string') return redactSecrets(part, secrets);
    if (typeof part === 'number') {
      const told = redactSecrets(String(part), secrets);
      return told === String(part) ? part : told;
    }
    if (Array.isArray(part))
      return isText(part) ? redactLines(part, secrets) : part.map((item: unknown) => walk(item));
    if (typeof part !== 'object' || part === null) return part;
    return Object.fromEntries(
      Object.entries(part).map(([key, inner]) => [redactSecrets(key, secrets), walk(inner)]),
    );
  };
  // Texts stay texts, and readers check every number of the wire that they use.
  return walk(value) as T;
}

/** Of a value of several lines each by itself: logs are shown line by line. Not the frame of a PEM block, which says nothing. */
function linesOf(value: string): readonly string[] {
  const lines = value.trim().split(/\r?\n/);
  return lines.length === 1 ? [] : lines.filter((line) => line.length >= 12 && !line.startsWith('-----'));
}

/** A list of texts may be one text in pieces: notebooks write their outputs so, a piece a line. */
function isText(list: readonly unknown[]): list is string[] {
  return list.length > 0 && list.every((item) => typeof item === 'string');
}

function redactLines(lines: readonly string[], secrets: Readonly<Record<string, string>>): readonly string[] {
  const each = lines.map((line) => redactSecrets(line, secrets));
  const whole = redactSecrets(each.join(''), secrets);
  return whole === each.join('') ? each : whole.split(/(?<=\n)/);
}
