import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { packTree } from '@galley/image/layer/pack-tree';
import type { TarEntry } from '@galley/image/tar/entry';

/** The Python runtime of this very Galley; it is stdlib only and needs no lock. */
const runtimeFolder = fileURLToPath(new URL('../../../../runtime/', import.meta.url));

/** The entries of `/opt/galley/runtime` and the hash of what is in them. */
export interface RuntimeFiles {
  readonly entries: readonly TarEntry[];
  /** 64 hexadecimal digits, of paths, modes and contents. */
  readonly sha256: string;
}

/** Packs our runtime as it lies beside us: the package and its launcher, without tests and bytecode. */
export async function packRuntime(folder = runtimeFolder): Promise<RuntimeFiles> {
  const include = (path: string): boolean => !/(?:^|\/)__pycache__$|\.pyc$/.test(path);
  const [code, bin] = await Promise.all([
    packTree(join(folder, 'src'), { prefix: 'opt/galley/runtime', include }),
    packTree(join(folder, 'bin'), { prefix: 'opt/galley/runtime/bin', include }),
  ]);
  const entries = [...code.entries, ...bin.entries];
  const hash = createHash('sha256');
  for (const entry of entries) {
    hash.update(`${entry.path}\0${entry.type}\0${entry.mode}\0${entry.size}\0${entry.linkTarget ?? ''}\0`);
    if (entry.type !== 'file') continue;
    const host = entry.path.startsWith('opt/galley/runtime/bin/')
      ? join(folder, 'bin', entry.path.slice('opt/galley/runtime/bin/'.length))
      : join(folder, 'src', entry.path.slice('opt/galley/runtime/'.length));
    hash.update(await readFile(host));
  }
  return { entries, sha256: hash.digest('hex') };
}
