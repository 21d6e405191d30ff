import { basename, join } from 'node:path';
import type { Emit } from '@galley/api/event';
import type { ImageStore } from '@galley/image/store';
import type { SourceSpec } from '../build.ts';
import type { GuardOptions } from '../download/guarded-http.ts';
import { openArchiveFile } from './archive/file.ts';
import { openUpload } from './archive/upload.ts';
import { openArchiveUrl } from './archive/url.ts';
import { openDirectory } from './directory.ts';
import { openGit } from './git/repository.ts';
import type { SourceTree } from './source-tree.ts';

/** Opens a source of any kind as a tree. `workDir` is private to the build; `dispose` of the tree empties it. */
export async function openSource(
  source: SourceSpec,
  options: {
    /** Needed for uploads; other sources do without. */
    readonly store?: ImageStore;
    readonly workDir: string;
    /** Remembers the keys of ssh hosts between builds. */
    readonly cacheDir: string;
    /** The operator's private addresses that a source may lead to; default: none. */
    readonly privateHosts?: GuardOptions['privateHosts'];
    readonly signal?: AbortSignal | undefined;
    readonly emit?: Emit;
    /** What events are about. */
    readonly object?: string;
  },
): Promise<SourceTree> {
  const spool = join(options.workDir, 'source');
  const { signal, store, privateHosts = () => Promise.resolve([]) } = options;
  switch (source.kind) {
    case 'directory':
      return openDirectory(source.path, { ...source, spool, signal });
    case 'git':
      return openGit(source, {
        ...options,
        privateHosts,
        spool,
        knownHosts: join(options.cacheDir, 'known_hosts'),
      });
    case 'archive':
      if (store === undefined) throw new Error('an upload is in a store, and there is none');
      return openUpload(source, { spool, store, signal });
    case 'url':
      return openArchiveUrl(source, { ...options, privateHosts, spool });
    case 'file':
      return openArchiveFile(source.path, { ...source, shown: basename(source.path), spool, signal });
  }
}
