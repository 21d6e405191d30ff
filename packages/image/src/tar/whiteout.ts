import { GalleyError } from '@galley/api/error/galley-error';
import type { TarEntry } from './entry.ts';
import { whiteoutPrefix } from './path.ts';

/** A path of lower layers that a layer takes away (image-spec, layer.md, "Whiteouts"). */
export interface Whiteout {
  /** Of the removed path, or of the directory that hides what is below it. */
  readonly path: string;
  /** True: everything that lower layers have in the directory `path` is hidden (`.wh..wh..opq`); '' is the root. */
  readonly opaque: boolean;
}

const opaqueName = '.wh..wh..opq';

/** What an entry of a tar removes by its name; undefined: it is an ordinary one. Throws `IMAGE_INVALID` for a whiteout of nothing. */
export function parseWhiteout(path: string): Whiteout | undefined {
  const slash = path.lastIndexOf('/');
  const name = path.slice(slash + 1);
  if (!name.startsWith(whiteoutPrefix)) return undefined;
  const folder = slash === -1 ? '' : path.slice(0, slash);
  if (name === opaqueName) return { path: folder, opaque: true };
  const removed = name.slice(whiteoutPrefix.length);
  if (removed === '' || removed === '.' || removed === '..' || removed.startsWith(whiteoutPrefix)) {
    throw new GalleyError('IMAGE_INVALID', `The layer holds the whiteout ${path}, which names nothing.`, {
      details: { path },
    });
  }
  return { path: folder === '' ? removed : `${folder}/${removed}`, opaque: false };
}

/** The entry that says it: an empty file of root's. */
export function whiteoutEntry(whiteout: Whiteout): TarEntry {
  const { path, opaque } = whiteout;
  const slash = path.lastIndexOf('/');
  const folder = opaque ? path : path.slice(0, Math.max(0, slash));
  const name = opaque ? opaqueName : `${whiteoutPrefix}${path.slice(slash + 1)}`;
  return { path: folder === '' ? name : `${folder}/${name}`, type: 'file', mode: 0, size: 0 };
}
