import { join } from 'node:path';
import type { ImageStore } from '@galley/image/store';
import type { SourceSpec } from '../build.ts';
import { openArchive } from './archive.ts';
import { openDirectory } from './directory.ts';
import { openGit } from './git-repository.ts';
import type { SourceTree } from './source-tree.ts';

/** Opens a source of any kind as a tree. `workDir` is private to the build; `dispose` of the tree empties it. */
export async function openSource(
  source: SourceSpec,
  options: {
    readonly store: ImageStore;
    readonly workDir: string;
    readonly signal?: AbortSignal | undefined;
  },
): Promise<SourceTree> {
  const spool = join(options.workDir, 'source');
  const { signal } = options;
  switch (source.kind) {
    case 'directory':
      return openDirectory(source.path, { spool, include: source.include, signal });
    case 'git':
      return openGit(source, { spool, signal });
    case 'archive':
      return openArchive(source.digest, { spool, store: options.store, signal });
  }
}
