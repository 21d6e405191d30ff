import { randomUUID } from 'node:crypto';
import { existsSync } from 'node:fs';
import { chmod, link, mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { homeLayout } from '@galley/control/owner/home';
import { generateKey, readSigningKey, type SigningKey } from '@galley/image/signature/signing-key';

/** Where the home's key lies: its private part 0600 in a folder 0700, its public part beside it, for others. */
export function homeKeyPaths(home: string): {
  readonly folder: string;
  readonly private: string;
  readonly public: string;
} {
  const folder = homeLayout(home).signing;
  return { folder, private: join(folder, 'galley.key'), public: join(folder, 'galley.pub') };
}

/** The home's own key, made when it is first needed. */
export async function homeKey(home: string): Promise<SigningKey> {
  const paths = homeKeyPaths(home);
  await mkdir(paths.folder, { recursive: true, mode: 0o700 });
  await chmod(paths.folder, 0o700);
  if (!existsSync(paths.private)) await makeKey(paths);
  const key = readSigningKey(await readFile(paths.private, 'utf8'));
  await writeFile(paths.public, key.publicPem, { mode: 0o644 });
  return key;
}

/** Written aside and linked: no other command, and none after `kill -9`, sees half a key, and of two that make one the first counts. */
async function makeKey(paths: { readonly folder: string; readonly private: string }): Promise<void> {
  const draft = join(paths.folder, `${randomUUID()}.draft`);
  try {
    await writeFile(draft, generateKey(), { mode: 0o600, flush: true });
    await link(draft, paths.private);
  } catch (error) {
    if (!(error instanceof Error && 'code' in error && error.code === 'EEXIST')) throw error;
  } finally {
    await rm(draft, { force: true });
  }
}
