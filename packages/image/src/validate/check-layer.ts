import { createHash } from 'node:crypto';
import type { Layer } from '../descriptor.ts';
import { openLayer } from '../layer/open-layer.ts';
import { layerCompression } from '../media-type.ts';
import type { ImageStore } from '../store.ts';
import type { TarEntry, TarEntryType } from '../tar/entry.ts';
import { holdsWhiteout, whiteoutPrefix } from '../tar/path.ts';
import { readTar } from '../tar/read-tar.ts';
import type { Findings } from './finding.ts';

/** More would be a bomb rather than an image; the same as when unpacking. */
const limits = { entriesMax: 1_000_000, bytesMax: 2 ** 36 };

export interface LayerFacts {
  readonly entries: number;
  /** Bytes of all files. */
  readonly bytes: number;
}

/** The rules about entries of one layer (image-spec, layer.md; builders.md §8.1). */
class EntryRules {
  readonly #seen = new Map<string, TarEntryType>();
  readonly #findings: Findings;

  constructor(findings: Findings) {
    this.#findings = findings;
  }

  check(entry: TarEntry): void {
    const { path } = entry;
    const findings = this.#findings;
    if (this.#seen.has(path)) findings.error('duplicate-path', 'The path is twice in the layer.', path);
    this.#parent(path);
    const name = path.slice(path.lastIndexOf('/') + 1);
    if (name.startsWith(whiteoutPrefix)) this.#whiteout(entry, name);
    if (holdsWhiteout(path.slice(0, Math.max(0, path.lastIndexOf('/'))))) {
      findings.error('whiteout', 'Something lies below a whiteout.', path);
    }
    if (entry.type === 'hardlink' && this.#seen.get(entry.linkTarget ?? '') === undefined) {
      findings.error(
        'hard-link',
        `The hard link leads to ${entry.linkTarget}, which is no earlier path of the layer.`,
        path,
      );
    }
    if ((entry.mode & 0o6000) !== 0 && entry.type === 'file') {
      findings.warning(
        'set-id',
        'The file has a set-uid or set-gid bit; Galley drops it when it unpacks.',
        path,
      );
    }
    this.#seen.set(path, entry.type);
  }

  #parent(path: string): void {
    const slash = path.lastIndexOf('/');
    if (slash === -1) return;
    const parent = path.slice(0, slash);
    const type = this.#seen.get(parent);
    if (type === 'directory') return;
    if (type === undefined)
      this.#findings.warning('parent', `Its directory ${parent} does not come before it.`, path);
    else this.#findings.error('parent', `Its directory ${parent} is a ${type} in the same layer.`, path);
  }

  #whiteout(entry: TarEntry, name: string): void {
    if (entry.type !== 'file' || entry.size > 0) {
      this.#findings.error('whiteout', 'A whiteout must be an empty file.', entry.path);
    }
    const target = name.slice(whiteoutPrefix.length);
    if (target === '' || (target.startsWith(whiteoutPrefix) && name !== '.wh..wh..opq')) {
      this.#findings.error('whiteout', 'The whiteout names nothing that could be removed.', entry.path);
    }
    const removed = entry.path.slice(0, -name.length) + target;
    if (this.#seen.has(removed)) {
      this.#findings.error('whiteout', 'The layer removes a path that it brings itself.', entry.path);
    }
  }
}

/** Reads a layer whole: digest and size of the blob, digest of the tar, every entry. What is wrong goes to `findings`. */
export async function checkLayer(
  store: ImageStore,
  layer: Layer,
  findings: Findings,
  signal?: AbortSignal,
): Promise<LayerFacts> {
  const { descriptor, diffId } = layer;
  if (layerCompression(descriptor.mediaType) === undefined) {
    findings.error('media-type', `${descriptor.mediaType} is no layer that can be read.`);
    return { entries: 0, bytes: 0 };
  }
  if (!(await store.has(descriptor.digest))) {
    findings.error('blob', `The store does not hold ${descriptor.digest}.`);
    return { entries: 0, bytes: 0 };
  }
  const blobHash = createHash('sha256');
  let blobBytes = 0;
  const tar = openLayer(store, descriptor, (chunk) => {
    blobHash.update(chunk);
    blobBytes += chunk.byteLength;
  });
  const diff = createHash('sha256');
  tar.on('data', (chunk: Buffer) => diff.update(chunk));
  const rules = new EntryRules(findings);
  let entries = 0;
  let bytes = 0;
  const onSkip = (path: string, reason: string): void => findings.warning('special', `${reason}.`, path);
  try {
    for await (const entry of readTar(tar, { ...limits, special: 'skip', onSkip }, signal)) {
      entries += 1;
      bytes += entry.size;
      rules.check(entry);
    }
  } catch (error) {
    signal?.throwIfAborted();
    findings.error('tar', error instanceof Error ? error.message : String(error));
    return { entries, bytes };
  }
  const digest = `sha256:${blobHash.digest('hex')}`;
  if (digest !== descriptor.digest)
    findings.error('digest', `The blob is ${digest}, not ${descriptor.digest}.`);
  if (blobBytes !== descriptor.size)
    findings.error('size', `The blob has ${blobBytes} bytes, not ${descriptor.size}.`);
  const actual = `sha256:${diff.digest('hex')}`;
  if (actual !== diffId) findings.error('diff-id', `The tar is ${actual}, not ${diffId}.`);
  return { entries, bytes };
}
