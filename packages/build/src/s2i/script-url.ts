import { readFile, stat } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { GalleyError } from '@galley/api/error/galley-error';
import { request } from 'undici';
import { openHttp, splitUrl } from '../download/http.ts';
import { scriptNames, type ScriptName } from './source-files.ts';

/** Where a folder of scripts is. */
export type ScriptPlace =
  | { readonly kind: 'image'; readonly path: string }
  | { readonly kind: 'folder'; readonly path: string }
  | { readonly kind: 'http'; readonly url: string };

const scriptBytesMax = 1 << 20;

/** Reads `image:///path`, `file://path`, `http(s)://…` or a path, relative to `cwd`. Throws `BUILDER_INVALID` for what is none. */
export function parseScriptUrl(text: string, cwd: string): ScriptPlace {
  const image = /^image:\/\/(\/.*)$/.exec(text)?.[1];
  if (image !== undefined) return { kind: 'image', path: image.replace(/\/+$/, '') || '/' };
  if (/^https?:\/\//.test(text) && URL.canParse(text)) return { kind: 'http', url: text.replace(/\/+$/, '') };
  if (text.startsWith('file:///')) return { kind: 'folder', path: fileURLToPath(text) };
  // source-to-image takes what follows for a path, a relative one too.
  if (text.startsWith('file://')) return { kind: 'folder', path: resolve(cwd, text.slice('file://'.length)) };
  if (!/^[a-z0-9+]+:\/\//i.test(text) && text !== '') return { kind: 'folder', path: resolve(cwd, text) };
  throw new GalleyError('BUILDER_INVALID', `${JSON.stringify(text)} is no place for scripts.`, {
    hint: 'image:///usr/libexec/s2i, file:///folder or https://host/folder',
    details: { url: text },
  });
}

/**
 * The scripts that are at a place outside of images. None at all is an error, as for source-to-image: the flag is a mistake then. Throws
 * `BUILDER_INVALID`.
 */
export async function fetchScripts(
  place: Exclude<ScriptPlace, { kind: 'image' }>,
  signal: AbortSignal,
): Promise<ReadonlyMap<ScriptName, Buffer>> {
  const found = new Map<ScriptName, Buffer>();
  if (place.kind === 'folder') {
    for (const name of scriptNames) {
      const path = join(place.path, name);
      const file = await stat(path).catch(() => undefined);
      if (file?.isFile() !== true) continue;
      if (file.size > scriptBytesMax) throw unusable(path, `has more than ${scriptBytesMax} bytes`);
      found.set(name, await readFile(path));
    }
  } else {
    const http = openHttp();
    try {
      for (const name of scriptNames) {
        const content = await fetchScript(`${place.url}/${name}`, http, signal);
        if (content !== undefined) found.set(name, content);
      }
    } finally {
      await http.close();
    }
  }
  if (found.size > 0) return found;
  throw unusable(place.kind === 'folder' ? place.path : splitUrl(place.url).url, 'has none of the scripts');
}

/** Undefined: it is not there. */
async function fetchScript(
  address: string,
  dispatcher: ReturnType<typeof openHttp>,
  signal: AbortSignal,
): Promise<Buffer | undefined> {
  const { url, headers } = splitUrl(address);
  const answer = await request(url, { dispatcher, signal, headers }).catch((cause: unknown) => {
    signal.throwIfAborted();
    throw unusable(url, 'cannot be fetched', cause);
  });
  // Both count as there (builders.md §1.1).
  if (answer.statusCode !== 200 && answer.statusCode !== 201) {
    await answer.body.dump();
    return undefined;
  }
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const piece of answer.body) {
    const chunk = piece as Buffer; // undici's body without an encoding gives buffers
    bytes += chunk.length;
    if (bytes > scriptBytesMax) throw unusable(url, `has more than ${scriptBytesMax} bytes`);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}

function unusable(where: string, how: string, cause?: unknown): GalleyError {
  return new GalleyError('BUILDER_INVALID', `${where} ${how}.`, {
    hint: `It must hold at least one of ${scriptNames.join(', ')}.`,
    details: { where },
    ...(cause === undefined ? {} : { cause }),
  });
}
