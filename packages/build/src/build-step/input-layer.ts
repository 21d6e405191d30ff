import type { Layer } from '@galley/image/descriptor';
import type { Image } from '@galley/image/image';
import { buildLayer } from '@galley/image/layer/build-layer';
import type { TarEntry } from '@galley/image/tar/entry';
import type { BuildContext } from '../build.ts';
import { ImageOwners } from './image-owners.ts';

/**
 * Files for a step, as a layer over its image: any number, any size, owned by whom they should be, and found again by their content. Rejected: a tar on
 * standard input, as source-to-image does it, which wants a shell and `tar` in the image. Throws `IMAGE_INVALID` where a folder is a link.
 */
export async function inputLayer(
  image: Image,
  entries: readonly TarEntry[],
  context: Pick<BuildContext, 'cacheDir' | 'signal' | 'store'>,
  createdBy = 'galley input',
): Promise<Layer> {
  const owners = await ImageOwners.open(image, context);
  return buildLayer(context.store, owners.withParents(entries), { createdBy, signal: context.signal });
}
