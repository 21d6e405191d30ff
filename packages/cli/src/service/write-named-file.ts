import { writeFile } from 'node:fs/promises';
import { resolve } from 'node:path';
import { GalleyError } from '@galley/api/error/galley-error';
import type { Context } from '../command/command.ts';

/** Writes what a flag named, from the folder in which the command was typed. Throws `USAGE` when nothing can be written there. */
export async function writeNamedFile(
  { cwd }: Pick<Context, 'cwd'>,
  path: string,
  text: string,
): Promise<void> {
  try {
    await writeFile(resolve(cwd, path), text);
  } catch (cause) {
    throw new GalleyError('USAGE', `${path} can't be written.`, {
      hint: 'Name a file in a folder that is there and is yours.',
      cause,
    });
  }
}
