import { isObject } from '@galley/api/json-object';
import { createReadStream } from 'node:fs';
import { readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { digestHex, isDigest, type Digest } from '@galley/api/digest';
import { GalleyError } from '@galley/api/error/galley-error';
import { invalid, readDescriptor, readManifest } from '../assemble/check-manifest.ts';
import { hostArchitecture } from '../assemble/assemble-image.ts';
import { pickPlatform } from '../assemble/read-image.ts';
import { refName } from '../layout/tag-index.ts';
import type { ImageStore } from '../store.ts';
import { mediaType } from '../media-type.ts';
import { jsonBytesMax } from '../small-json.ts';

/** The manifest that an index names by a tag, or its only one. Throws `IMAGE_NOT_FOUND`, `IMAGE_INVALID`. */
export function pickTagged(index: unknown, tag: string | undefined, where: string): Digest {
  if (!isObject(index) || !Array.isArray(index['manifests']))
    throw invalid(`${where}/index.json`, 'is no index');
  const all = index['manifests'].map((entry, position) =>
    readDescriptor(entry, `index.manifests[${position}]`),
  );
  const names = all.map((descriptor) => descriptor.annotations?.[refName] ?? '');
  const found = tag === undefined ? all : all.filter((_, position) => names[position] === tag);
  const [only, ...others] = found;
  if (only !== undefined && others.length === 0) return only.digest;
  const text =
    only === undefined ? `${where} holds no image ${tag ?? ''}` : `${where} holds ${found.length} images`;
  throw new GalleyError('IMAGE_NOT_FOUND', `${text.trim()}.`, {
    hint: names.some((name) => name !== '')
      ? `It holds ${names
          .filter((name) => name !== '')
          .slice(0, 10)
          .join(', ')}: name one after a colon.`
      : 'Write it again with a tag: skopeo copy SOURCE oci:DIR:TAG',
    details: { path: where },
  });
}

/**
 * Copies an image out of a layout folder of somebody else's: of an index the image for this machine. Nothing is written into the folder; every
 * blob that is read is held against its digest. `whole`: so is one that the store has already, and it has to lie in the folder. Throws
 * `BLOB_MISSING`, `DIGEST_MISMATCH`, `IMAGE_INVALID`, `DISK_FULL`.
 */
export async function copyFromLayout(
  store: ImageStore,
  folder: string,
  root: Digest,
  options: { readonly whole?: boolean; readonly signal?: AbortSignal } = {},
): Promise<Digest> {
  const { whole = false, signal } = options;
  const copy = async (digest: Digest, type: string): Promise<void> => {
    if (!whole && (await store.has(digest))) return;
    const path = await blobOf(folder, digest);
    await store.write(createReadStream(path, { highWaterMark: 1 << 20 }), {
      mediaType: type,
      expect: digest,
      ...(signal === undefined ? {} : { signal }),
    });
  };
  const { size } = await stat(await blobOf(folder, root));
  if (size > jsonBytesMax) throw invalid('The manifest', `is larger than ${jsonBytesMax} bytes`, root);
  await copy(root, mediaType.manifest);
  const value = await store.readJson(root);
  if (isObject(value) && Array.isArray(value['manifests'])) {
    const picked = pickPlatform(value['manifests'], hostArchitecture(), root);
    if (picked === root) throw invalid('The index', 'names itself', root);
    await copyFromLayout(store, folder, picked, options);
    return root;
  }
  const manifest = readManifest(value);
  for (const blob of [manifest.config, ...manifest.layers]) await copy(blob.digest, blob.mediaType);
  return root;
}

async function blobOf(folder: string, digest: Digest): Promise<string> {
  const path = join(folder, 'blobs', 'sha256', digestHex(digest));
  if ((await stat(path).catch(() => undefined))?.isFile() === true) return path;
  throw new GalleyError('BLOB_MISSING', `${folder} does not hold ${digest}.`, {
    hint: 'Write the layout again: it is not complete.',
    details: { digest, path },
  });
}

/** index.json of a layout folder. Throws `IMAGE_NOT_FOUND` when the folder is none. */
export async function readLayoutIndex(folder: string): Promise<unknown> {
  const text = await readFile(join(folder, 'index.json'), 'utf8').catch((cause: unknown) => {
    throw new GalleyError('IMAGE_NOT_FOUND', `${folder} is no OCI image layout.`, {
      hint: 'Write one: skopeo copy docker://REGISTRY/NAME:TAG oci:DIR:TAG',
      details: { path: folder },
      cause,
    });
  });
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw new GalleyError('IMAGE_INVALID', `${folder}/index.json is not JSON.`, { cause });
  }
}

/** The digest that a path in an archive claims: `blobs/sha256/HEX`. */
export function digestOfPath(path: string): Digest | undefined {
  const digest = path.replace(/^blobs\/sha256\//, 'sha256:');
  return digest !== path && isDigest(digest) ? digest : undefined;
}
