import { createReadStream } from 'node:fs';
import { shortDigest, type Digest } from '@galley/api/digest';
import { GalleyError } from '@galley/api/error/galley-error';
import type { SourceOrigin } from '@galley/api/kind/application';
import type { ImageStore } from '@galley/image/store';
import type { SourceTree } from '../source-tree.ts';
import { TreeBuilder } from '../tree-builder.ts';
import { readTar } from './read-tar.ts';

/**
 * An uploaded tar as a source. It is hostile: every entry is checked before it is taken, nothing is written under a name of its
 * choosing. Throws `BLOB_MISSING`, `SOURCE_REFUSED`, `LFS_POINTER`, `SOURCE_TOO_LARGE`.
 */
export async function openUpload(
  { digest, origin = {} }: { readonly digest: Digest; readonly origin?: SourceOrigin | undefined },
  options: { readonly store: ImageStore; readonly spool: string; readonly signal?: AbortSignal | undefined },
): Promise<SourceTree> {
  if (!(await options.store.has(digest))) {
    throw new GalleyError('BLOB_MISSING', `The uploaded source ${shortDigest(digest)} is not in the store.`, {
      hint: 'Deploy again: the upload is repeated.',
      details: { digest },
    });
  }
  const builder = new TreeBuilder(options.spool);
  await readTar(createReadStream(options.store.blobPath(digest)), builder, options.signal);
  const { text = `archive ${shortDigest(digest)}`, ...commit } = origin;
  return builder.finish({ origin: text, ...commit });
}
