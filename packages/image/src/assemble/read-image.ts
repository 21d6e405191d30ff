import { isObject } from '@galley/api/json-object';
import type { Digest } from '@galley/api/digest';
import type { Layer } from '../descriptor.ts';
import type { Image, ImageConfig, Manifest } from '../image.ts';
import type { ImageStore } from '../store.ts';
import { hostArchitecture } from './assemble-image.ts';
import { invalid, readConfig, readDescriptor, readManifest } from './check-manifest.ts';
import { tarBytesAnnotation } from './write-image.ts';

/** Annotation of an index entry that is an attestation and no image (BuildKit). */
const attestationAnnotation = 'vnd.docker.reference.type';

/** The manifest for this machine's processor in an index of several. */
export function pickPlatform(index: readonly unknown[], architecture: string, digest: Digest): Digest {
  for (const [position, entry] of index.entries()) {
    const descriptor = readDescriptor(entry, `index.manifests[${position}]`);
    if (descriptor.annotations?.[attestationAnnotation] !== undefined) continue;
    const platform = isObject(entry) ? entry['platform'] : undefined;
    if (!isObject(platform)) return descriptor.digest;
    if (platform['os'] === 'linux' && platform['architecture'] === architecture) return descriptor.digest;
  }
  throw invalid('The index', `holds no image for linux/${architecture}`, digest);
}

function pairLayers(manifest: Manifest, config: ImageConfig, digest: Digest): Layer[] {
  const diffIds = config.rootfs.diff_ids;
  if (diffIds.length !== manifest.layers.length) {
    const counts = `${manifest.layers.length} layers but ${diffIds.length} diff ids`;
    throw invalid('The image', `has ${counts}`, digest);
  }
  const lines = config.history.filter((line) => line.empty_layer !== true);
  return manifest.layers.map((descriptor, index) => {
    const diffId = diffIds[index];
    if (diffId === undefined) throw invalid('The image', 'has a layer without a diff id', digest);
    const tarBytes = Number(descriptor.annotations?.[tarBytesAnnotation] ?? 0);
    return {
      descriptor,
      diffId,
      createdBy: lines[index]?.created_by ?? '',
      tarBytes: Number.isSafeInteger(tarBytes) && tarBytes > 0 ? tarBytes : 0,
    };
  });
}

/**
 * The image under a manifest's digest; of an index the one for `architecture` (default: this machine). Manifest and configuration are verified
 * against their digests and their shape; layers are not opened (`validateImage` does). `tarBytes` is 0 where no annotation tells it. Throws
 * `BLOB_MISSING`, `DIGEST_MISMATCH`, `IMAGE_INVALID`.
 */
export async function readImage(
  store: ImageStore,
  digest: Digest,
  architecture: string = hostArchitecture(),
): Promise<Image> {
  const value = await store.readJson(digest);
  if (isObject(value) && Array.isArray(value['manifests'])) {
    const picked = pickPlatform(value['manifests'], architecture, digest);
    const inner = await store.readJson(picked);
    if (isObject(inner) && Array.isArray(inner['manifests']))
      throw invalid('The index', 'holds an index', digest);
    return readImage(store, picked, architecture);
  }
  const manifest = readManifest(value);
  const config = readConfig(await store.readJson(manifest.config.digest));
  return { digest, manifest, config, layers: pairLayers(manifest, config, digest) };
}
