import { createHash } from 'node:crypto';
import { stat } from 'node:fs/promises';
import { basename } from 'node:path';
import { isMissing } from '../layout/disk-errors.ts';
import { normalName } from './metadata.ts';
import type { WheelPart } from './wheel-part.ts';
import { wheelFault, type WheelFile } from './wheel-fault.ts';

/** Wheels from this size on get a layer of their own: it is then the same in every image that uses the wheel. */
const ownLayerBytes = 1 << 20;

/**
 * Small wheels share this many layers, by a hash of their package's name. A fixed number, so that a new package changes one layer and not
 * all; grouping by size or in order of the lock would move packages between layers.
 */
const sharedLayers = 8;

/**
 * A larger wheel becomes several layers (torch and what it needs of CUDA): a layer is fetched, unpacked and resumed as one, and some registries and proxies
 * refuse larger ones.
 */
const partBytesDefault = 300e6;

/** Layers that large wheels may have besides their first. Beyond it parts grow: images stay below 100 layers. */
const furtherPartsMax = 24;

/** Wheels that become one layer, or one wheel of which a part does. */
export interface WheelGroup {
  readonly wheels: readonly WheelFile[];
  readonly part?: WheelPart;
  /** Bytes of the wheels together; of a part, its share. */
  readonly bytes: number;
}

export interface PlanOptions {
  /** Layers at most, further parts of large wheels aside; at least 9. Default 40: with those, base, tools, code, model and rehearsal an image stays below 100. */
  readonly layersMax?: number;
  /** A larger wheel is split into parts of at most about so many bytes. Default 300 MB. */
  readonly partBytes?: number;
}

interface SizedWheel extends WheelFile {
  readonly bytes: number;
  readonly name: string;
}

async function sized(wheel: WheelFile): Promise<SizedWheel> {
  try {
    const { size } = await stat(wheel.path);
    return { path: wheel.path, sha256: wheel.sha256, bytes: size, name: packageName(wheel) };
  } catch (error) {
    if (!isMissing(error)) throw error;
    throw wheelFault(wheel.path, 'is not on this disk', { path: wheel.path }, error);
  }
}

/** The package by the file's name (PEP 427); a file that has none is grouped by its hash. */
function packageName(wheel: WheelFile): string {
  const match = /^([^-]+)-.*\.whl$/.exec(basename(wheel.path));
  return match?.[1] === undefined ? wheel.sha256 : normalName(match[1]);
}

function bucketOf(name: string): number {
  return (createHash('sha256').update(name).digest()[0] ?? 0) % sharedLayers;
}

function group(wheels: readonly SizedWheel[]): WheelGroup {
  return {
    wheels: wheels.map(({ path, sha256 }) => ({ path, sha256 })),
    bytes: wheels.reduce((sum, wheel) => sum + wheel.bytes, 0),
  };
}

/** As many parts as keep each below the limit, which doubles until there are not too many of them. */
function partsOf(own: readonly SizedWheel[], partBytes: number): (wheel: SizedWheel) => number {
  const count = (wheel: SizedWheel): number => Math.max(1, Math.ceil(wheel.bytes / partBytes));
  const further = own.reduce((sum, wheel) => sum + count(wheel) - 1, 0);
  return further <= furtherPartsMax ? count : partsOf(own, partBytes * 2);
}

function groupsOf(wheel: SizedWheel, parts: number): readonly WheelGroup[] {
  const whole = group([wheel]);
  if (parts === 1) return [whole];
  const bytes = Math.ceil(whole.bytes / parts);
  return Array.from({ length: parts }, (_, index) => ({ ...whole, part: { index, of: parts }, bytes }));
}

/**
 * Groups wheels into layers, stably: the same wheel lands in the same company whatever else is in the lock. The order is bottom to top: large wheels
 * by name, then the shared layers. Throws `WHEEL_INVALID` when a wheel is not on the disk.
 */
export async function planWheelLayers(
  wheels: readonly WheelFile[],
  options: PlanOptions = {},
): Promise<readonly WheelGroup[]> {
  const all = await Promise.all(wheels.map(sized));
  all.sort((left, right) => compareText(left.name, right.name) || compareText(left.sha256, right.sha256));
  const ownMax = Math.max(1, (options.layersMax ?? 40) - sharedLayers);
  const largest = all
    .filter((wheel) => wheel.bytes >= ownLayerBytes)
    .sort((left, right) => right.bytes - left.bytes || compareText(left.name, right.name));
  const own = new Set(largest.slice(0, ownMax));
  const shared = Map.groupBy(
    all.filter((wheel) => !own.has(wheel)),
    (wheel) => bucketOf(wheel.name),
  );
  const parts = partsOf([...own], options.partBytes ?? partBytesDefault);
  const buckets = [...shared.entries()].sort(([left], [right]) => left - right);
  return [
    ...all.filter((wheel) => own.has(wheel)).flatMap((wheel) => groupsOf(wheel, parts(wheel))),
    ...buckets.map(([, members]) => group(members)),
  ];
}

function compareText(left: string, right: string): number {
  if (left === right) return 0;
  return left < right ? -1 : 1;
}
