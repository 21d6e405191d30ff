/** The media types that Galley writes (image-spec, media-types.md). */
export const mediaType = {
  manifest: 'application/vnd.oci.image.manifest.v1+json',
  index: 'application/vnd.oci.image.index.v1+json',
  config: 'application/vnd.oci.image.config.v1+json',
  layer: 'application/vnd.oci.image.layer.v1.tar+gzip',
} as const;

/** Manifests and indexes that are read: OCI's and Docker's, which differ in name only. */
export const imageTypes: ReadonlySet<string> = new Set([
  mediaType.manifest,
  mediaType.index,
  'application/vnd.docker.distribution.manifest.v2+json',
  'application/vnd.docker.distribution.manifest.list.v2+json',
]);

/** The media type of a manifest or index by its own members, which an old writer may have left out; undefined: it is neither. */
export function manifestType(value: unknown): string | undefined {
  if (typeof value !== 'object' || value === null) return undefined;
  const type = 'mediaType' in value && typeof value.mediaType === 'string' ? value.mediaType : undefined;
  if (type !== undefined) return imageTypes.has(type) ? type : undefined;
  if ('config' in value && 'layers' in value) return mediaType.manifest;
  if ('manifests' in value) return mediaType.index;
  return undefined;
}

/** How a layer's blob is compressed, or undefined for a media type that is no layer we can read. */
export function layerCompression(type: string): 'gzip' | 'zstd' | 'none' | undefined {
  switch (type) {
    case mediaType.layer:
    case 'application/vnd.docker.image.rootfs.diff.tar.gzip':
      return 'gzip';
    case 'application/vnd.oci.image.layer.v1.tar+zstd':
      return 'zstd';
    case 'application/vnd.oci.image.layer.v1.tar':
    case 'application/vnd.docker.image.rootfs.diff.tar':
      return 'none';
    default:
      return undefined;
  }
}
