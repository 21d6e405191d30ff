import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { resolve } from 'node:path';
import { GalleyError } from '@galley/api/error/galley-error';
import {
  readSigningKey,
  readVerifyingKey,
  type SigningKey,
  type VerifyingKey,
} from '@galley/image/signature/signing-key';
import type { Context, Input, Option } from '../command/command.ts';
import { listOption, textOption } from '../program.ts';
import { homeKey, homeKeyPaths } from './home-key.ts';

/** The flag of commands that sign. */
export const signingFlag: Option = {
  flags: '--key <FILE>',
  description:
    "a private key in PEM, on P-256 (default: the home's own; GALLEY_KEY_PASSPHRASE opens an encrypted one)",
};

/** The key to sign with. Throws `SIGNING_KEY_INVALID`, `USAGE`. */
export async function signingKey(input: Input, context: Context): Promise<SigningKey> {
  const path = textOption(input, 'key');
  if (path === undefined) return homeKey(context.home);
  return readSigningKey(await readPem(path, context), context.env['GALLEY_KEY_PASSPHRASE']);
}

/** The keys to check with: those that `--key` names, else the home's own. Checking makes no key: without one, nothing can be signed by it. */
export async function verifyingKeys(input: Input, context: Context): Promise<readonly VerifyingKey[]> {
  const paths = listOption(input, 'key');
  if (paths.length === 0) {
    if (existsSync(homeKeyPaths(context.home).private)) return [await homeKey(context.home)];
    throw new GalleyError(
      'USAGE',
      `The home ${context.home} has signed nothing yet, so it has no key to check with.`,
      {
        hint: 'galley image verify IMAGE --key FILE checks with the public key of whoever signed.',
      },
    );
  }
  return Promise.all(paths.map(async (path) => readVerifyingKey(await readPem(path, context))));
}

async function readPem(path: string, context: Context): Promise<string> {
  try {
    return await readFile(resolve(context.cwd, path), 'utf8');
  } catch (cause) {
    throw new GalleyError('USAGE', `The key ${path} cannot be read.`, {
      hint: 'Give the path of a file in PEM.',
      cause,
    });
  }
}
