import { createReadStream } from 'node:fs';
import { GalleyError } from '@galley/api/error/galley-error';
import type { OutputFile } from '../workload/read-output.ts';

/** Shorter values would be found everywhere and mean nothing. */
const shortest = 6;

/** A secret as it may lie in a file: as it is, and as base64, which headers and pickled configurations hold. */
function needles(value: string): readonly Buffer[] {
  const plain = Buffer.from(value);
  const encoded = Buffer.from(plain.toString('base64').replace(/=+$/, ''));
  return encoded.length < 12 ? [plain] : [plain, encoded];
}

/**
 * Looks for values of declared secrets in what would become the model layer. Compressed files hide them; this catches the mistake, not
 * the thief. Throws `SECRET_IN_MODEL` naming secret and file, never the value.
 */
export async function findSecrets(
  files: readonly OutputFile[],
  secrets: Readonly<Record<string, string>>,
  signal?: AbortSignal,
): Promise<void> {
  const wanted = Object.entries(secrets).filter(([, value]) => value.trim().length >= shortest);
  if (wanted.length === 0) return;
  const patterns = wanted.flatMap(([path, value]) =>
    needles(value.trim()).map((needle) => ({ path, needle })),
  );
  const overlap = Math.max(...patterns.map(({ needle }) => needle.length));
  for (const file of files) {
    let rest = Buffer.alloc(0);
    for await (const chunk of createReadStream(file.file, { highWaterMark: 1024 * 1024 })) {
      signal?.throwIfAborted();
      const window = Buffer.concat([rest, chunk as Buffer]);
      const found = patterns.find(({ needle }) => window.includes(needle));
      if (found !== undefined) {
        throw new GalleyError(
          'SECRET_IN_MODEL',
          `${file.path} of the run holds the value of the secret ${found.path}.`,
          {
            hint: 'Read the secret where it is used instead of keeping it in a variable that predictor refers to or in a file.',
            details: { file: file.path, secret: found.path },
          },
        );
      }
      rest = window.subarray(Math.max(0, window.length - overlap));
    }
  }
}

/** A text for people without the values of secrets: reports and executed notebooks show what cells printed. */
export function redactSecrets(text: string, secrets: Readonly<Record<string, string>>): string {
  let redacted = text;
  for (const value of Object.values(secrets)) {
    const plain = value.trim();
    if (plain.length < shortest) continue;
    // As it is, and as JSON spells it inside a string.
    for (const form of new Set([plain, JSON.stringify(plain).slice(1, -1)]))
      redacted = redacted.replaceAll(form, '[secret]');
  }
  return redacted;
}
