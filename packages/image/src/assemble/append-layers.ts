import type { Layer } from '../descriptor.ts';
import type { Image } from '../image.ts';
import type { ImageStore } from '../store.ts';
import { assembleImage } from './assemble-image.ts';
import type { ConfigChange } from './runtime-config.ts';

/**
 * A new image: the old one with layers on top and a changed configuration; the old one stays as it was. Annotations of the manifest are
 * kept. Candidate → service image is this with one layer (DESIGN.md §4).
 */
export function appendLayers(
  store: ImageStore,
  image: Image,
  layers: readonly Layer[],
  change: ConfigChange = {},
): Promise<Image> {
  return assembleImage(store, {
    base: image,
    layers,
    config: change,
    created: image.config.created,
    ...(image.manifest.annotations === undefined ? {} : { annotations: image.manifest.annotations }),
  });
}
