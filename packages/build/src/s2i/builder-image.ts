import { GalleyError } from '@galley/api/error/galley-error';
import { readImage } from '@galley/image/assemble/read-image';
import { importImage } from '@galley/image/import/import-image';
import { parseImportReference } from '@galley/image/import/import-reference';
import type { ImageStore } from '@galley/image/store';
import type { NamedImage } from './s2i.ts';

export interface OpenImageOptions {
  readonly store: ImageStore;
  /** Begins relative paths. */
  readonly cwd: string;
  /** Private to the caller. */
  readonly workDir: string;
  readonly signal: AbortSignal;
}

/**
 * An image by what a command line calls it: `oci:DIR[:TAG]`, `oci-archive:FILE`, `docker-archive:FILE[:TAG]`, or a name in the store. Throws
 * `IMAGE_NOT_FOUND` and what importing throws.
 */
export async function openNamedImage(name: string, options: OpenImageOptions): Promise<NamedImage> {
  const { store, cwd, workDir, signal } = options;
  const reference = parseImportReference(name, cwd);
  if (reference !== undefined) {
    return { name, image: await readImage(store, await importImage(store, reference, { workDir, signal })) };
  }
  const digest = await store.resolve(name).catch((cause: unknown) => {
    if (!(cause instanceof GalleyError) || cause.code !== 'IMAGE_NOT_FOUND') throw cause;
    throw new GalleyError('IMAGE_NOT_FOUND', `There is no image ${name} here.`, {
      hint: `Bring it along: skopeo copy docker://${name} oci:builder, then name it oci:builder`,
      details: { name },
      cause,
    });
  });
  return { name, image: await readImage(store, digest) };
}
