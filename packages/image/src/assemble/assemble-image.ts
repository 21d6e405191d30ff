import type { Layer } from '../descriptor.ts';
import type { Image, ImageConfig, RuntimeConfig } from '../image.ts';
import type { ImageStore } from '../store.ts';
import { mergeConfig } from './runtime-config.ts';
import { writeImage } from './write-image.ts';

/** Images carry no time of their own: the same inputs must give the same digest tomorrow (DESIGN.md §4). */
export const fixedCreated = '1970-01-01T00:00:01Z';

export interface AssembleOptions {
  /** Its layers lie below; its configuration is the start for `config`. */
  readonly base?: Image;
  /** Bottom to top, above the base. */
  readonly layers: readonly Layer[];
  readonly config: RuntimeConfig;
  /** RFC 3339. Default: one second after the epoch. */
  readonly created?: string;
  /** Of the manifest. */
  readonly annotations?: Readonly<Record<string, string>>;
  /** As Go says it: `amd64`, `arm64`. Default: the base's, else this machine's. */
  readonly architecture?: string;
}

/** The name that OCI gives to this machine's processor. */
export function hostArchitecture(): string {
  return process.arch === 'x64' ? 'amd64' : process.arch;
}

/** Puts an image together from layers that are in the store. Pure: the same options give the same digest. Throws as `writeImage` does. */
export async function assembleImage(store: ImageStore, options: AssembleOptions): Promise<Image> {
  const created = options.created ?? fixedCreated;
  const base = options.base;
  const layers = [...(base?.layers ?? []), ...options.layers];
  const config: ImageConfig = {
    architecture: options.architecture ?? base?.config.architecture ?? hostArchitecture(),
    os: 'linux',
    created,
    config: mergeConfig(base?.config.config ?? {}, options.config),
    rootfs: { type: 'layers', diff_ids: layers.map((layer) => layer.diffId) },
    history: [
      ...(base?.config.history ?? []),
      ...options.layers.map((layer) => ({ created, created_by: layer.createdBy })),
    ],
  };
  return writeImage(store, config, layers, options.annotations);
}
