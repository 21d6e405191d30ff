import { digestHex } from '@galley/api/digest';
import { canonicalJson } from '../canonical-json.ts';
import type { Layer } from '../descriptor.ts';
import type { Image } from '../image.ts';
import { openLayer } from '../layer/open-layer.ts';
import type { ImageStore } from '../store.ts';
import { fileEntry, type TarEntry } from '../tar/entry.ts';
import { blobEntry } from './oci-layout.ts';

/** The size of a layer's tar: known for our own layers, else by reading it once, since a tar header says the size before the content. */
async function tarBytes(store: ImageStore, layer: Layer): Promise<number> {
  if (layer.tarBytes > 0) return layer.tarBytes;
  let bytes = 0;
  for await (const chunk of openLayer(store, layer.descriptor)) bytes += (chunk as Buffer).byteLength;
  return bytes;
}

/** `name` with a tag, as Docker wants its references: `iris` → `iris:latest`. */
export function dockerReference(name: string): string {
  return name.lastIndexOf(':') > name.lastIndexOf('/') ? name : `${name}:latest`;
}

/**
 * The archive of `docker save`, version 1.2, as entries of a tar: manifest.json, the configuration, and the layers as plain tars named by
 * their diffIDs. Plain, because that is what the format says; some readers take compressed ones and others do not.
 */
export async function dockerArchiveEntries(
  store: ImageStore,
  image: Image,
  name: string,
): Promise<TarEntry[]> {
  const { config } = image.manifest;
  const configName = `${digestHex(config.digest)}.json`;
  const layerName = (layer: Layer): string => `${digestHex(layer.diffId)}.tar`;
  const manifest = [
    { Config: configName, RepoTags: [dockerReference(name)], Layers: image.layers.map(layerName) },
  ];
  const layers = new Map<string, TarEntry>();
  for (const layer of image.layers) {
    const path = layerName(layer);
    if (layers.has(path)) continue;
    layers.set(path, {
      path,
      type: 'file',
      mode: 0o644,
      size: await tarBytes(store, layer),
      content: () => openLayer(store, layer.descriptor),
    });
  }
  return [
    fileEntry('manifest.json', canonicalJson(manifest)),
    blobEntry(store.blobPath(config.digest), configName, config.size),
    ...layers.values(),
  ];
}
