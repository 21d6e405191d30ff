import { posix } from 'node:path';
import type { Layer } from '../descriptor.ts';
import { openLayer } from '../layer/open-layer.ts';
import type { ImageStore } from '../store.ts';
import { readTar } from '../tar/read-tar.ts';
import { parseRecord } from '../wheel/record.ts';
import { readEntry } from '../tar/read-entry.ts';

const recordPattern = /^(.*\/|)([^/]+)-([^/-]+)\.dist-info\/RECORD$/;
const recordBytesMax = 32 << 20;

/**
 * The Python package of a file in a layer: the one whose RECORD, in the same layer, lists it. `numpy 2.4.6`; undefined: no package says that it
 * is its. Compiled files are looked for as their source.
 */
export async function fileOwner(
  store: ImageStore,
  layer: Layer,
  path: string,
  signal?: AbortSignal,
): Promise<string | undefined> {
  const names = [path, path.replace(/__pycache__\/([^/]+?)\.cpython-\d+(?:\.opt-\d)?\.pyc$/, '$1.py')];
  const limits = { entriesMax: 1_000_000, bytesMax: 2 ** 36, special: 'skip' as const };
  for await (const entry of readTar(openLayer(store, layer.descriptor), limits, signal)) {
    const [, root = '', name = '', version = ''] = recordPattern.exec(entry.path) ?? [];
    // RECORD names files relative to the folder that holds the dist-info, those of `bin/` by `../`.
    if (name === '' || !isNear(path, root)) continue;
    const record = parseRecord(
      ((await readEntry(entry, recordBytesMax)) ?? Buffer.alloc(0)).toString('utf8'),
    );
    for (const { path: listed } of record.values()) {
      if (names.includes(posix.join(root, listed))) return `${name} ${version}`;
    }
  }
  return undefined;
}

/** A RECORD of another environment says nothing about this one. */
function isNear(path: string, root: string): boolean {
  const environment = root.replace(/(?:^|\/)lib(?:64)?\/python[^/]+\/(?:site|dist)-packages\/$/, '/');
  return path.startsWith(environment);
}
