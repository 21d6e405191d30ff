import { isObject } from '@galley/api/json-object';
import type { Digest } from '@galley/api/digest';
import { invalid, readDescriptor, stringMap } from './check-manifest.ts';
import type { Descriptor } from '../descriptor.ts';
import { manifestType } from '../media-type.ts';

/** What a manifest, an index or an artifact says of itself, whatever it holds. */
export interface ManifestFacts {
  readonly mediaType: string;
  /** Blobs: configuration and layers. Those with `urls` live elsewhere by design and are left out. */
  readonly blobs: readonly Descriptor[];
  /** Manifests, of an index. */
  readonly manifests: readonly Descriptor[];
  readonly subject: Digest | undefined;
  /** The artifact's type; of an image the type of its configuration (distribution-spec, "Listing Referrers"). */
  readonly artifactType: string | undefined;
  readonly annotations: Readonly<Record<string, string>> | undefined;
}

function list(value: unknown, where: string): readonly Descriptor[] {
  if (value === undefined) return [];
  if (!Array.isArray(value)) throw invalid(where, 'is no list');
  return value.map((entry, index) => readDescriptor(entry, `${where}[${index}]`));
}

/** Layers that may not be distributed, which registries do not hold (image-spec, layer.md). */
function isForeign(descriptor: Descriptor): boolean {
  return /nondistributable|foreign/.test(descriptor.mediaType);
}

/** Reads a manifest that somebody else wrote, of an image, an index or an artifact. Throws `IMAGE_INVALID`. */
export function readManifestFacts(value: unknown): ManifestFacts {
  const mediaType = manifestType(value);
  if (!isObject(value) || mediaType === undefined) throw invalid('The manifest', 'is of no known type');
  if (value['schemaVersion'] !== 2) throw invalid('The manifest', 'is not of schema version 2');
  // Both names for one thing must agree, or two readers see two images (CVE-2021-41190).
  if (value['manifests'] !== undefined && (value['layers'] !== undefined || value['config'] !== undefined)) {
    throw invalid('The manifest', 'is an image and an index at once');
  }
  const config =
    value['config'] === undefined ? undefined : readDescriptor(value['config'], 'manifest.config');
  const layers = list(value['layers'], 'manifest.layers');
  const subject = value['subject'];
  const named = value['artifactType'];
  return {
    mediaType,
    blobs: [...(config === undefined ? [] : [config]), ...layers].filter((blob) => !isForeign(blob)),
    manifests: list(value['manifests'], 'manifest.manifests'),
    subject:
      subject === undefined || subject === null
        ? undefined
        : readDescriptor(subject, 'manifest.subject').digest,
    artifactType: typeof named === 'string' && named !== '' ? named : config?.mediaType,
    annotations: stringMap(value['annotations'], 'manifest.annotations'),
  };
}
