import type { Digest } from '@galley/api/digest';
import { kinds, type KindName } from '@galley/api/kind/kinds';
import type { ObjectStore } from './object-store.ts';

/**
 * Every digest that any object names: images of revisions, records of builds, uploaded sources. By their text, so that a kind that is added
 * tomorrow keeps its images too; a digest that is no image costs nothing.
 */
export async function imagesInUse(objects: ObjectStore): Promise<ReadonlySet<Digest>> {
  const found = new Set<Digest>();
  // The table's keys are the kinds.
  for (const kind of Object.keys(kinds) as KindName[]) {
    const { items } = await objects.list(kind);
    for (const item of items) {
      for (const [digest] of JSON.stringify(item).matchAll(/sha256:[0-9a-f]{64}/g)) {
        found.add(digest as Digest); // the pattern is a digest's
      }
    }
  }
  return found;
}
