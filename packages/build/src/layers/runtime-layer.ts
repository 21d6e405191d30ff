import { createHash } from 'node:crypto';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { packTree } from '@galley/image/layer/pack-tree';
import { fileEntry, type TarEntry } from '@galley/image/tar/entry';
import { readEntry } from '@galley/image/tar/read-entry';

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
  const hash = createHash('sha256');
  const entries: TarEntry[] = [];
  for (const entry of [...code.entries, ...bin.entries]) {
    // Read once, so that what was hashed is what is packed, even while somebody edits it.
    const content = await readEntry(entry, entry.size);
    const read = content === undefined ? entry : fileEntry(entry.path, content, entry.mode);
    hash.update(`${read.path}\0${read.type}\0${read.mode}\0${read.size}\0${read.linkTarget ?? ''}\0`);
    if (content !== undefined) hash.update(content);
    entries.push(read);
  }
  return { entries, sha256: hash.digest('hex') };
}
