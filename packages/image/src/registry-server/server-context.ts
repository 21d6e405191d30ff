import type { Digest } from '@galley/api/digest';
import type { ImageStore } from '../store.ts';
import type { UploadTable } from './upload-table.ts';

/** What stands behind the routes. */
export interface ServerContext {
  readonly store: ImageStore;
  readonly uploads: UploadTable;
  /** What stays, and everything that it leads to, although no tag names it. */
  readonly inUse: () => Promise<ReadonlySet<Digest>>;
}

/** The tag of the store for a tag of a repository. */
export function tagName(repository: string, tag: string): string {
  return `${repository}:${tag}`;
}
