import type { Digest } from '@galley/api/digest';
import type { ImageStore } from '../store.ts';
import type { UploadTable } from './upload-table.ts';

/** What stands behind the routes. */
export interface ServerContext {
  readonly store: ImageStore;
  readonly uploads: UploadTable;
  /** True: something besides tags needs it (a revision, a running build), so it is not deleted. */
  readonly isNeeded: (digest: Digest) => Promise<boolean>;
}

/** The tag of the store for a tag of a repository. */
export function tagName(repository: string, tag: string): string {
  return `${repository}:${tag}`;
}
