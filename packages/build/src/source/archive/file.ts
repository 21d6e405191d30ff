import { GalleyError } from '@galley/api/error/galley-error';
import type { SourceTree } from '../source-tree.ts';
import { TreeBuilder } from '../tree-builder.ts';
import { checkContextDir } from '../tree-path.ts';
import { unpackArchive } from './unpack.ts';

/**
 * An archive that lies on this machine as a source. The one folder that archives of forges hold is left out. Throws `SOURCE_NOT_FOUND` for a folder that
 * is not in it, and what unpacking throws.
 */
export async function openArchiveFile(
  path: string,
  options: {
    /** What a person knows it by. */
    readonly shown: string;
    readonly contextDir: string;
    readonly spool: string;
    readonly signal?: AbortSignal | undefined;
  },
): Promise<SourceTree> {
  const { shown } = options;
  const builder = new TreeBuilder(options.spool);
  await unpackArchive(path, shown, builder, options.signal);
  builder.liftOnlyFolder();
  const folder = checkContextDir(options.contextDir);
  if (folder !== '' && !builder.selectFolder(folder)) {
    throw new GalleyError('SOURCE_NOT_FOUND', `${shown} holds no folder ${folder}.`, {
      hint: 'Check contextDir (--subdir): it is relative to the root of the archive, without the one folder that everything lies in.',
      details: { contextDir: folder },
    });
  }
  return builder.finish({ origin: `archive ${shown}` });
}
