import { GalleyError } from '@galley/api/error/galley-error';
import { canonicalJson } from '../canonical-json.ts';
import type { Descriptor, Layer } from '../descriptor.ts';
import type { Image, ImageConfig, Manifest } from '../image.ts';
import { requireLayer } from '../layer/require-layer.ts';
import { mediaType } from '../media-type.ts';
import type { ImageStore } from '../store.ts';

/** Most engines stop at 127 layers, some tools earlier (builders.md §8.1). */
export const layersMax = 100;

/** Bytes of the uncompressed tar, kept beside the layer since no member of a manifest says it and reading a layer to learn it is slow. */
export const tarBytesAnnotation = 'dev.galley.tar-bytes';

function annotated(layer: Layer): Descriptor {
  if (layer.tarBytes === 0) return layer.descriptor;
  const annotations = { ...layer.descriptor.annotations, [tarBytesAnnotation]: String(layer.tarBytes) };
  return { ...layer.descriptor, annotations };
}

async function writeJson(store: ImageStore, value: unknown, type: string): Promise<Descriptor> {
  return store.write(Buffer.from(canonicalJson(value), 'utf8'), { mediaType: type });
}

/**
 * Writes configuration and manifest of an image; the layers must be in the store already, since an image is the last thing that is
 * written (engine.md §2). Throws `IMAGE_INVALID` for too many layers, `BLOB_MISSING`, `DISK_FULL`.
 */
export async function writeImage(
  store: ImageStore,
  config: ImageConfig,
  layers: readonly Layer[],
  annotations: Readonly<Record<string, string>> | undefined,
): Promise<Image> {
  if (layers.length > layersMax) {
    throw new GalleyError(
      'IMAGE_INVALID',
      `The image would have ${layers.length} layers; ${layersMax} are allowed.`,
      {
        details: { layers: layers.length, layersMax },
      },
    );
  }
  for (const layer of layers) await requireLayer(store, layer.descriptor);
  const manifest: Manifest = {
    schemaVersion: 2,
    mediaType: mediaType.manifest,
    config: await writeJson(store, config, mediaType.config),
    layers: layers.map(annotated),
    ...(annotations === undefined ? {} : { annotations }),
  };
  const { digest } = await writeJson(store, manifest, mediaType.manifest);
  return { digest, manifest, config, layers };
}
