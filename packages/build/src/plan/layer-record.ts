import type { Layer } from '@galley/image/descriptor';
import type { LayerRecord } from '../build.ts';

/** A layer as a build keeps it. */
export function layerRecord(role: string, layer: Layer, cached: boolean, from: string): LayerRecord {
  return { role, digest: layer.descriptor.digest, sizeBytes: layer.descriptor.size, cached, from };
}
