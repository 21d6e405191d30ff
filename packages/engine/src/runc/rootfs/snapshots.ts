import { randomUUID } from 'node:crypto';
import { rename, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { digestHex } from '@galley/api/digest';
import { blobAltered } from '@galley/image/blob-altered';
import type { Layer } from '@galley/image/descriptor';
import type { ImageStore } from '@galley/image/store';
import { unpackLayer } from '@galley/image/unpack/unpack-layer';
import { shiftBase } from '../identity.ts';
import type { Layout } from '../layout.ts';
import { makeFolder } from '../make-folder.ts';
import { mustRun } from '../process/run-command.ts';
import { applyWhiteouts } from './whiteouts.ts';

/**
 * Unpacked layers, each once for all images that have it: a directory per blob, a lower layer for overlayfs. Not per diff id, although layers
 * that differ in compression alone would share one then: an image only claims its diff ids, and would be given the files of another image's layer.
 */
export interface Snapshots {
  /** Unpacks what is missing and returns the directories, lowest first. */
  ensure(layers: readonly Layer[], signal?: AbortSignal): Promise<readonly string[]>;
}

/** More unpackers than this only fight for two cores (engine.md §2: two workers gave 1.7×). */
const unpackersMax = 2;

/** Opens the snapshots of an engine. `tmp` must have been wiped: an unpacked layer is whole or not there. */
export function openSnapshots(layout: Layout, store: ImageStore): Snapshots {
  const unpacking = new Map<string, Promise<string>>();

  // Not interrupted by a caller's signal: another workload may be waiting for the same layer.
  const unpack = async (layer: Layer, target: string): Promise<string> => {
    const temporary = join(layout.tmp, randomUUID());
    try {
      await makeFolder(temporary, 0o755, { recursive: true });
      const report = await unpackLayer(store, layer, temporary, { shiftUid: shiftBase });
      await applyWhiteouts(temporary, report.whiteouts);
      // One syncfs instead of an fsync per file: after the rename the content must be there (engine.md §2).
      await mustRun('sync', ['-f', temporary]);
      await rename(temporary, target);
      return target;
    } catch (error) {
      if (await store.discardAltered(layer.descriptor.digest))
        throw blobAltered(store, layer.descriptor.digest);
      throw error;
    } finally {
      await rm(temporary, { recursive: true, force: true });
    }
  };

  const ensureOne = async (layer: Layer): Promise<string> => {
    const target = join(layout.snapshots, digestHex(layer.descriptor.digest));
    if (await exists(target)) return target;
    let running = unpacking.get(target);
    if (running === undefined) {
      running = unpack(layer, target).finally(() => unpacking.delete(target));
      unpacking.set(target, running);
    }
    return running;
  };

  return {
    async ensure(layers, signal) {
      const directories: string[] = [];
      let next = 0;
      const worker = async (): Promise<void> => {
        for (let index = next++; index < layers.length; index = next++) {
          signal?.throwIfAborted();
          // Within bounds by the loop's condition.
          directories[index] = await ensureOne(layers[index] as Layer);
        }
      };
      await Promise.all(Array.from({ length: unpackersMax }, worker));
      return directories;
    },
  };
}

async function exists(path: string): Promise<boolean> {
  try {
    return (await stat(path)).isDirectory();
  } catch {
    return false;
  }
}
