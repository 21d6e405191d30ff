import type { Digest } from '@galley/api/digest';
import type { Image } from '../image.ts';
import type { ImageStore } from '../store.ts';
import { diffFiles, takeInventory, type FileDifference } from './diff-files.ts';
import type { PackageFacts } from './packages.ts';

/** A package that is not the same in both. */
export interface PackageDifference {
  readonly ecosystem: PackageFacts['ecosystem'];
  readonly name: string;
  /** Undefined: the image does not have it. */
  readonly before: string | undefined;
  readonly after: string | undefined;
  /** Unpacked bytes more, or less. */
  readonly bytes: number;
}

export interface ImageSide {
  readonly digest: Digest;
  /** Compressed. */
  readonly sizeBytes: number;
  readonly layers: number;
  /** Compressed bytes of layers that the other does not have. */
  readonly ownBytes: number;
  readonly ownLayers: number;
}

export interface ImageDifference {
  readonly before: ImageSide;
  readonly after: ImageSide;
  readonly packages: readonly PackageDifference[];
  readonly files: readonly FileDifference[];
  /** Members of the configuration that differ, and labels: `Label dev.galley.lock`. */
  readonly configuration: readonly {
    readonly name: string;
    readonly before: string;
    readonly after: string;
  }[];
}

/** What is different between two images: packages, files, sizes, configuration. Every layer is read, and once more where contents must be compared (`diffFiles`). */
export async function diffImages(
  store: ImageStore,
  before: Image,
  after: Image,
  signal?: AbortSignal,
): Promise<ImageDifference> {
  const old = await takeInventory(store, before, signal);
  const fresh = before.digest === after.digest ? old : await takeInventory(store, after, signal);
  return {
    before: side(before, after),
    after: side(after, before),
    packages: diffPackages(old.packages, fresh.packages),
    files: await diffFiles(store, old, fresh, signal),
    configuration: diffConfiguration(before, after),
  };
}

function side(image: Image, other: Image): ImageSide {
  const others = new Set(other.layers.map((layer) => layer.descriptor.digest));
  const own = image.layers.filter((layer) => !others.has(layer.descriptor.digest));
  const sum = (layers: Image['layers']): number =>
    layers.reduce((bytes, layer) => bytes + layer.descriptor.size, 0);
  return {
    digest: image.digest,
    sizeBytes: sum(image.layers) + image.manifest.config.size,
    layers: image.layers.length,
    ownBytes: sum(own),
    ownLayers: own.length,
  };
}

/** By name within each ecosystem. A package that is there twice (two environments) is told by its place as well. */
function diffPackages(
  before: readonly PackageFacts[],
  after: readonly PackageFacts[],
): readonly PackageDifference[] {
  const key = (one: PackageFacts): string => `${one.ecosystem} ${one.name} ${environmentOf(one.path)}`;
  const [old, fresh] = [before, after].map((list) => new Map(list.map((one) => [key(one), one])));
  const keys = [...new Set([...(old?.keys() ?? []), ...(fresh?.keys() ?? [])])].sort();
  return keys.flatMap((name): readonly PackageDifference[] => {
    const [was, is] = [old?.get(name), fresh?.get(name)];
    const known = was ?? is;
    if (known === undefined || was?.version === is?.version) return [];
    return [
      {
        ecosystem: known.ecosystem,
        name: known.name,
        before: was?.version,
        after: is?.version,
        bytes: (is?.sizeBytes ?? 0) - (was?.sizeBytes ?? 0),
      },
    ];
  });
}

/** The folder of an environment, without Python's version: a new Python must not make every package another. */
function environmentOf(path: string): string {
  return path.replace(/\/lib(?:64)?\/python[^/]+\/(?:site|dist)-packages\/.*$/, '');
}

function diffConfiguration(before: Image, after: Image): ImageDifference['configuration'] {
  const [old, fresh] = [before, after].map(flatten);
  const names = [...new Set([...Object.keys(old ?? {}), ...Object.keys(fresh ?? {})])].sort();
  return names.flatMap((name) => {
    const [was, is] = [old?.[name] ?? '', fresh?.[name] ?? ''];
    return was === is ? [] : [{ name, before: was, after: is }];
  });
}

function flatten(image: Image): Readonly<Record<string, string>> {
  const { Labels = {}, Env = [], ...rest } = image.config.config;
  const flat: Record<string, string> = Object.create(null);
  flat['Platform'] = `${image.config.os}/${image.config.architecture}`;
  for (const [name, value] of Object.entries(rest))
    flat[name] = typeof value === 'string' ? value : JSON.stringify(value);
  for (const line of Env) flat[`Env ${line.split('=')[0]}`] = line.slice(line.indexOf('=') + 1);
  for (const [name, value] of Object.entries(Labels)) flat[`Label ${name}`] = value;
  return flat;
}
