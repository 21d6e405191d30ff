import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import type { Digest } from '@galley/api/digest';
import { GalleyError } from '@galley/api/error/galley-error';
import type { Descriptor } from '../descriptor.ts';
import { isMissing } from '../layout/disk-errors.ts';
import { mediaType } from '../media-type.ts';
import type { ImageStore } from '../store.ts';
import type { Environment } from './environment.ts';
import { mergeFiles, type FileFact } from './merge-files.ts';
import { placeWheel } from './place-wheel.ts';
import { readWheel, type Wheel } from './read-wheel.ts';
import { Stitcher } from './stitch-files.ts';
import { wheelFault, type WheelFile } from './wheel-fault.ts';
import { filesOfPart, type WheelPart } from './wheel-part.ts';

/** A layer that was stitched, and what is in it. */
export interface StitchedLayer {
  readonly descriptor: Descriptor;
  readonly diffId: Digest;
  readonly tarBytes: number;
  /** `numpy 2.4.6`, sorted. */
  readonly packages: readonly string[];
  readonly files: readonly FileFact[];
}

/** The wheel must be the file that the lock names: the result is kept under this hash and shared. */
async function verify(wheel: WheelFile, signal: AbortSignal | undefined): Promise<void> {
  const hash = createHash('sha256');
  try {
    for await (const chunk of createReadStream(wheel.path, { highWaterMark: 1 << 20 })) {
      signal?.throwIfAborted();
      // Without an encoding a read stream gives buffers.
      hash.update(chunk as Buffer);
    }
  } catch (error) {
    if (!isMissing(error)) throw error;
    throw wheelFault(wheel.path, 'is not on this disk', { path: wheel.path }, error);
  }
  const actual = hash.digest('hex');
  if (actual === wheel.sha256) return;
  throw new GalleyError(
    'DIGEST_MISMATCH',
    `The wheel ${wheel.path} is sha256:${actual}, not sha256:${wheel.sha256}.`,
    {
      hint: 'Remove the file, so that it is fetched again.',
      details: { path: wheel.path, expected: wheel.sha256, actual },
    },
  );
}

/**
 * Stitches wheels, or the files of one that belong to a part, into one layer in the store, in the thread that calls it. The order of the wheels does not
 * matter. Throws
 * `WHEEL_INVALID`, `DIGEST_MISMATCH`, `DISK_FULL`.
 */
export async function stitchLayer(
  store: ImageStore,
  wheelFiles: readonly WheelFile[],
  environment: Environment,
  { signal, part }: { readonly signal?: AbortSignal | undefined; readonly part?: WheelPart | undefined } = {},
): Promise<StitchedLayer> {
  const wheels: Wheel[] = [];
  try {
    const sorted = wheelFiles.toSorted((left, right) => (left.sha256 < right.sha256 ? -1 : 1));
    for (const file of sorted) {
      await verify(file, signal);
      wheels.push(await readWheel(file.path));
    }
    const placed = wheels.map((wheel) => placeWheel(wheel, environment));
    const { files, items } = mergeFiles(
      part === undefined ? placed : placed.map((all) => filesOfPart(all, part)),
    );
    const stitcher = new Stitcher();
    const descriptor = await store.write(stitcher.stream(items, signal), {
      mediaType: mediaType.layer,
      ...(signal === undefined ? {} : { signal }),
    });
    return {
      descriptor,
      diffId: stitcher.diffId(),
      tarBytes: stitcher.tarBytes,
      packages: wheels.map((wheel) => `${wheel.name} ${wheel.version}`).sort(),
      files: files.map(({ path, mode, size, hash, owner }) => ({ path, mode, size, hash, owner })),
    };
  } finally {
    for (const wheel of wheels) wheel.file.close();
  }
}
