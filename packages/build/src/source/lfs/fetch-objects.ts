import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { join } from 'node:path';
import { GalleyError } from '@galley/api/error/galley-error';
import { openGuardedHttp, type GuardOptions } from '../../download/guarded-http.ts';
import type { GuardedOptions } from '../../download/guarded-request.ts';
import { openHttp } from '../../download/http.ts';
import type { GitAccess } from '../git/access.ts';
import { askBatch, askLfs, lfsAbsent, type LfsAction } from './batch.ts';
import type { LfsEndpoint } from './endpoint.ts';
import type { LfsPointer } from './pointer.ts';

export interface LfsOptions {
  readonly credentials: GitAccess['http'];
  readonly allow: (url: URL) => boolean;
  /** Which addresses may be connected to; undefined: all. */
  readonly guard?: GuardOptions | undefined;
  readonly signal?: AbortSignal | undefined;
  /** Takes the content; it is read to its end before the next comes. Size and hash are checked while it is read. */
  readonly keep: (pointer: LfsPointer, content: AsyncIterable<Buffer>) => Promise<void>;
}

/** What git-lfs itself asks for at once. */
const batchSize = 100;

/** Fetches what pointers stand for. Throws `LFS_POINTER` with the file that nobody has, `HASH_MISMATCH`, `SOURCE_UNAUTHORIZED`, `SOURCE_UNREACHABLE`. */
export async function fetchObjects(
  pointers: readonly LfsPointer[],
  endpoint: LfsEndpoint,
  options: LfsOptions,
): Promise<void> {
  if (endpoint.kind === 'folder') {
    for (const pointer of pointers) {
      const { oid } = pointer;
      const path = join(endpoint.path, oid.slice(0, 2), oid.slice(2, 4), oid);
      await options.keep(pointer, checked(pointer, createReadStream(path)));
    }
    return;
  }
  const { allow, signal, credentials, guard } = options;
  const redirects = 0;
  const http =
    guard === undefined ? openHttp(process.env, { redirects }) : openGuardedHttp(guard, { redirects });
  const guarded: GuardedOptions = { http, allow, signal, credentials };
  try {
    for (let start = 0; start < pointers.length; start += batchSize) {
      const batch = pointers.slice(start, start + batchSize);
      const actions = await askBatch(batch, endpoint, guarded);
      for (const pointer of batch) {
        const action = actions.get(pointer.oid) ?? 'the server does not mention it';
        if (typeof action === 'string') throw lfsAbsent(pointer.path, action);
        await options.keep(pointer, checked(pointer, await download(pointer, action, endpoint, guarded)));
      }
    }
  } finally {
    await http.destroy();
  }
}

async function download(
  pointer: LfsPointer,
  action: LfsAction,
  endpoint: LfsEndpoint & { kind: 'http' },
  options: GuardedOptions,
): Promise<AsyncIterable<Buffer>> {
  // Servers that keep content themselves expect the door's own credentials again; others sign the address.
  const same = new URL(action.href).origin === new URL(endpoint.url).origin;
  const signed = Object.keys(action.header).some((name) => name.toLowerCase() === 'authorization');
  const response = await askLfs(action.href, {
    ...options,
    ...(signed ? { credentials: undefined } : {}),
    headers: { ...(same ? endpoint.headers : {}), ...action.header },
  });
  if (response.statusCode === 200) return response.body;
  await response.body.dump();
  throw lfsAbsent(pointer.path, `its address answers ${response.statusCode}`);
}

/** The content, which throws at its end when it was another: hostile servers and cut connections look alike. */
async function* checked(pointer: LfsPointer, content: AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
  const hash = createHash('sha256');
  let size = 0;
  try {
    for await (const chunk of content) {
      size += chunk.length;
      if (size > pointer.size) throw mismatch(pointer);
      hash.update(chunk);
      yield chunk;
    }
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT')
      throw lfsAbsent(pointer.path, 'it was never fetched to that machine');
    throw error;
  }
  if (size !== pointer.size || hash.digest('hex') !== pointer.oid) throw mismatch(pointer);
}

function mismatch(pointer: LfsPointer): GalleyError {
  return new GalleyError(
    'HASH_MISMATCH',
    `${pointer.path} came from Git LFS with other bytes than its pointer says.`,
    {
      hint: 'Build again; if it stays, the content on the server is damaged: push it again with git lfs push --all.',
      details: { path: pointer.path, oid: pointer.oid },
    },
  );
}
