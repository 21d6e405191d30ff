import { createHash } from 'node:crypto';
import { GalleyError } from '@galley/api/error/galley-error';
import type { Layer } from '../descriptor.ts';
import { openLayer } from '../layer/open-layer.ts';
import { requireLayer } from '../layer/require-layer.ts';
import { diskError } from '../layout/disk-errors.ts';
import type { ImageStore } from '../store.ts';
import { readTar } from '../tar/read-tar.ts';
import { parseWhiteout, type Whiteout } from '../tar/whiteout.ts';
import { Extractor } from './extractor.ts';

export interface UnpackOptions {
  /** Added to every uid and gid: container root becomes this host id (engine.md §1.2). 0: as they are. */
  readonly shiftUid: number;
  /** Default 1,000,000. */
  readonly entriesMax?: number;
  /** Bytes of all files. Default 64 GiB, and never more than 400 times the blob plus 1 GiB: deflate's bombs reach 1000 times. */
  readonly bytesMax?: number;
  readonly signal?: AbortSignal;
}

export interface UnpackReport {
  readonly entries: number;
  readonly bytes: number;
  /** overlayfs wants them as devices 0:0 and attributes, which the caller makes. */
  readonly whiteouts: readonly Whiteout[];
  /** Devices and the like that were left out. */
  readonly skipped: readonly { readonly path: string; readonly reason: string }[];
}

/**
 * Unpacks one layer into an empty directory by the rules of engine.md §2 and proves on the way that the tar is the one with the
 * layer's diffId. Nothing is synced: the caller unpacks into a temporary directory, calls `syncfs` once and renames. When it throws
 * (`IMAGE_INVALID`, `DIGEST_MISMATCH`, `BLOB_MISSING`, `DISK_FULL`, abort) the directory holds rubbish that the caller removes.
 */
export async function unpackLayer(
  store: ImageStore,
  layer: Layer,
  targetDir: string,
  options: UnpackOptions,
): Promise<UnpackReport> {
  const { descriptor } = layer;
  await requireLayer(store, descriptor);
  const whiteouts: Whiteout[] = [];
  const skipped: { path: string; reason: string }[] = [];
  const diff = createHash('sha256');
  let entries = 0;
  let bytes = 0;
  try {
    const extractor = new Extractor(targetDir, options.shiftUid);
    extractor.prepareRoot();
    const limits = {
      entriesMax: options.entriesMax ?? 1_000_000,
      bytesMax: Math.min(options.bytesMax ?? 2 ** 36, descriptor.size * 400 + 2 ** 30),
      special: 'skip' as const,
      onSkip: (path: string, reason: string) => skipped.push({ path, reason }),
    };
    const tar = openLayer(store, descriptor);
    tar.on('data', (chunk: Buffer) => diff.update(chunk));
    for await (const entry of readTar(tar, limits, options.signal)) {
      entries += 1;
      bytes += entry.size;
      const whiteout = parseWhiteout(entry.path);
      if (whiteout === undefined) await extractor.extract(entry);
      else whiteouts.push(whiteout);
    }
    extractor.finish();
  } catch (error) {
    throw diskError(error, targetDir);
  }
  const actual = `sha256:${diff.digest('hex')}`;
  if (actual !== layer.diffId) {
    throw new GalleyError(
      'DIGEST_MISMATCH',
      `The layer ${descriptor.digest} unpacks to ${actual}, not ${layer.diffId}.`,
      {
        hint: 'Build or pull the image again.',
        details: { digest: descriptor.digest, expected: layer.diffId, actual },
      },
    );
  }
  return { entries, bytes, whiteouts, skipped };
}
