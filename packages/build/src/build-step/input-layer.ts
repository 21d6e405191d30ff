import { GalleyError } from '@galley/api/error/galley-error';
import type { Layer } from '@galley/image/descriptor';
import { visibleEntries } from '@galley/image/facts/visible-entries';
import type { Image } from '@galley/image/image';
import { buildLayer } from '@galley/image/layer/build-layer';
import { directoryEntry, type TarEntry } from '@galley/image/tar/entry';
import { parentsOf } from '@galley/image/tar/path';
import type { BuildContext } from '../build.ts';

/**
 * Files for a step, as a layer over its image: any number, any size, owned by whom they should be, and found again by their content. The folders above
 * them keep the attributes that the image gives them, since a directory entry replaces those below (builders.md §8.1). Rejected: a tar on
 * standard input, as source-to-image does it, which wants a shell and `tar` in the image. Throws `IMAGE_INVALID` where a folder is a link: a directory would
 * replace it.
 */
export async function inputLayer(
  image: Image,
  entries: readonly TarEntry[],
  { store, signal }: Pick<BuildContext, 'store' | 'signal'>,
): Promise<Layer> {
  const brought = new Set(entries.map(({ path }) => path));
  const missing = new Set(
    entries.flatMap(({ path }) => parentsOf(path)).filter((path) => !brought.has(path)),
  );
  const parents: TarEntry[] = [];
  if ([...missing].some((path) => path !== 'tmp')) {
    const waiting = new Set(missing);
    for await (const { path, type, mode, uid = 0, gid = 0 } of visibleEntries(
      store,
      image.layers,
      (wanted) => waiting.has(wanted),
      signal,
    )) {
      waiting.delete(path);
      if (type !== 'directory') throw behindLink(path, type);
      parents.push({ ...directoryEntry(path, mode & 0o1777), uid, gid });
      if (waiting.size === 0) break;
    }
  }
  return buildLayer(store, [...parents, ...entries], { createdBy: 'galley input', signal });
}

function behindLink(path: string, type: string): GalleyError {
  return new GalleyError(
    'IMAGE_INVALID',
    `Nothing can be put below /${path}: it is a ${type} of the image.`,
    {
      hint: 'Name the folder that it leads to.',
      details: { path },
    },
  );
}
