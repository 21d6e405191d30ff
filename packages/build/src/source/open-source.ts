import { join } from 'node:path';
import type { Emit } from '@galley/api/event';
import type { ImageStore } from '@galley/image/store';
import type { SourceSpec } from '../build.ts';
import { openArchive } from './archive.ts';
import { openDirectory } from './directory.ts';
import { openGit } from './git/repository.ts';
import type { SourceTree } from './source-tree.ts';

/** Opens a source of any kind as a tree. `workDir` is private to the build; `dispose` of the tree empties it. */
export async function openSource(
  source: SourceSpec,
  options: {
    readonly store: ImageStore;
    readonly workDir: string;
    /** Remembers the keys of ssh hosts between builds. */
    readonly cacheDir: string;
    readonly signal?: AbortSignal | undefined;
    readonly emit?: Emit;
    /** What events are about. */
    readonly object?: string;
  },
): Promise<SourceTree> {
  const spool = join(options.workDir, 'source');
  const { signal } = options;
  switch (source.kind) {
    case 'directory':
      return openDirectory(source.path, { spool, include: source.include, signal });
    case 'git':
      return openGit(source, { ...options, spool, knownHosts: join(options.cacheDir, 'known_hosts') });
    case 'archive':
      return openArchive(source.digest, { spool, store: options.store, signal });
  }
}
