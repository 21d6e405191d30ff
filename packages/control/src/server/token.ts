import { createHash, randomBytes, timingSafeEqual } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import { GalleyError } from '@galley/api/error/galley-error';
import { replaceFile } from '../owner/replace-file.ts';

/** The API's token: made at the first start, in a file of mode 0600; whoever may read GALLEY_HOME may use the API. */
export function openToken(path: string): string {
  if (!existsSync(path)) replaceFile(path, `${randomBytes(32).toString('base64url')}\n`, 0o600);
  const token = readFileSync(path, 'utf8').trim();
  // An empty one would be the token of every request that brings none.
  if (token === '') {
    throw new GalleyError('HOME_INVALID', `The file ${path} holds no token.`, {
      hint: `rm ${path}: the next start makes a new one.`,
    });
  }
  return token;
}

/** Compares an `Authorization` header in a time that does not depend on how much of it is right. */
export function tokenMatches(token: string, header: string | undefined): boolean {
  const given = /^Bearer (.+)$/.exec(header ?? '')?.[1] ?? '';
  return timingSafeEqual(digest(given), digest(token));
}

/** The same for a Basic header, whatever the user's name: `docker login` wants one. */
export function passwordMatches(token: string, header: string | undefined): boolean {
  const encoded = /^Basic ([A-Za-z0-9+/]{1,4096}={0,2})$/.exec(header ?? '')?.[1] ?? '';
  const text = Buffer.from(encoded, 'base64').toString('utf8');
  const colon = text.indexOf(':');
  return colon !== -1 && timingSafeEqual(digest(text.slice(colon + 1)), digest(token));
}

function digest(text: string): Buffer {
  return createHash('sha256').update(text).digest();
}
