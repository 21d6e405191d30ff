import type { Digest } from '@galley/api/digest';
import { GalleyError } from '@galley/api/error/galley-error';
import { readManifestFacts } from '../assemble/manifest-facts.ts';
import type { ImageStore } from '../store.ts';

/**
 * Every digest that the store's tags, and `more`, lead to: manifests, configurations, layers, and what refers to any of them. What cannot be
 * read is held without looking into it: a damaged manifest is a reason to keep its neighbours, not to lose them.
 */
export async function reachable(
  store: ImageStore,
  more: Iterable<Digest> = [],
): Promise<ReadonlySet<Digest>> {
  const found = new Set<Digest>();
  const roots = await store.roots();
  const waiting: Digest[] = [
    ...more,
    ...roots.flatMap((root) => (root.subject === undefined ? [root.digest] : [])),
  ];
  for (;;) {
    for (let digest = waiting.pop(); digest !== undefined; digest = waiting.pop()) {
      if (found.has(digest)) continue;
      found.add(digest);
      waiting.push(...(await childrenOf(store, digest, found)));
    }
    // A referrer lives as long as what it refers to; that may be another referrer, so until nothing new is found.
    for (const { digest, subject } of roots) {
      if (subject !== undefined && found.has(subject) && !found.has(digest)) waiting.push(digest);
    }
    if (waiting.length === 0) return found;
  }
}

async function childrenOf(store: ImageStore, digest: Digest, found: Set<Digest>): Promise<readonly Digest[]> {
  try {
    const facts = readManifestFacts(await store.readJson(digest));
    for (const blob of facts.blobs) found.add(blob.digest);
    return facts.manifests.map((manifest) => manifest.digest);
  } catch (error) {
    if (error instanceof GalleyError) return [];
    throw error;
  }
}
