import type { Digest } from '@galley/api/digest';
import { GalleyError } from '@galley/api/error/galley-error';
import { readManifestFacts, type ManifestFacts } from '../assemble/manifest-facts.ts';
import type { Descriptor } from '../descriptor.ts';
import type { ImageStore } from '../store.ts';
import { KnownPlaces } from './known-places.ts';
import { putManifest } from './manifest-exchange.ts';
import { pushBlob, type BlobOutcome } from './push-blob.ts';
import { formatReference, type ImageReference } from './reference.ts';
import { artifactType } from '../referrer/artifact-types.ts';
import { putSignatureTag } from './signature-exchange.ts';
import { putReferrer } from './referrer-exchange.ts';
import { openRegistry, type Registry, type RegistryOptions } from './registry.ts';
import { ByteCounter, inParallel, type TransferProgress } from './transfer.ts';

/** What is pushed where. */
export interface PushOptions extends RegistryOptions {
  readonly reference: ImageReference;
  /** Artifact types of referrers that go along; undefined: all. */
  readonly referrers?: ReadonlySet<string> | undefined;
  /** Bytes of one piece of an upload; undefined: one piece. */
  readonly chunkBytes?: number | undefined;
  readonly progress: TransferProgress;
}

/** What a push did. */
export interface PushReport {
  readonly reference: string;
  readonly digest: Digest;
  /** How many blobs were sent, taken from another repository, or there already. */
  readonly blobs: Readonly<Record<BlobOutcome, number>>;
  /** Bytes of blobs that were sent. */
  readonly sentBytes: number;
  /** Bytes of all blobs. */
  readonly totalBytes: number;
  /** Manifests that refer to the image and went along. */
  readonly referrers: number;
}

interface Work {
  readonly store: ImageStore;
  readonly registry: Registry;
  readonly options: PushOptions;
  readonly places: KnownPlaces;
  readonly counter: ByteCounter;
  readonly stop: AbortController;
  readonly outcomes: Record<BlobOutcome, number>;
  readonly seen: Map<Digest, number>;
  referrers: number;
}

/**
 * Pushes an image, index or artifact of the store byte for byte, then what refers to it. Blobs that the registry has are not sent. The tag is
 * written last: nobody sees half an image. Throws `REFERENCE_INVALID` for a reference to the digest of another image, `BLOB_MISSING`, `REGISTRY_*`,
 * `IMAGE_INVALID`.
 */
export async function pushImage(
  store: ImageStore,
  digest: Digest,
  options: PushOptions,
): Promise<PushReport> {
  const { reference } = options;
  if (reference.digest !== undefined && reference.digest !== digest) {
    const text = `${formatReference(reference)} names another image than the one to push, which is ${digest}.`;
    throw new GalleyError('REFERENCE_INVALID', text, { hint: 'Leave the digest out, or push by a tag.' });
  }
  const lease = await store.lease(`push ${formatReference(reference)}`);
  try {
    return await push(store, digest, options);
  } finally {
    await lease.release();
  }
}

async function push(store: ImageStore, digest: Digest, options: PushOptions): Promise<PushReport> {
  const { reference, progress } = options;
  const stop = new AbortController();
  const signal = options.signal === undefined ? stop.signal : AbortSignal.any([options.signal, stop.signal]);
  const registry = await openRegistry(reference.registry, { ...options, signal });
  const places = await KnownPlaces.open(store, registry.name);
  const work: Work = {
    store,
    registry,
    options,
    places,
    counter: new ByteCounter(progress, formatReference(reference)),
    stop,
    outcomes: { known: 0, mounted: 0, uploaded: 0 },
    seen: new Map(),
    referrers: 0,
  };
  try {
    // Without a tag nothing but the digest leads to it; a tag would be one that nobody named.
    await pushManifest(work, digest, reference.tag ?? digest);
    await pushReferrers(work, digest);
  } finally {
    // What did arrive can be mounted next time, also after a failure.
    await places.save();
  }
  return {
    reference: formatReference(reference),
    digest,
    blobs: work.outcomes,
    sentBytes: work.counter.done,
    totalBytes: [...work.seen.values()].reduce((sum, size) => sum + size, 0),
    referrers: work.referrers,
  };
}

/** Blobs first, then the manifests of an index, then the manifest itself (distribution-spec, "Pushing manifests"). */
async function pushManifest(work: Work, digest: Digest, name: string): Promise<void> {
  const { bytes, facts } = await readLocal(work.store, digest);
  await pushContent(work, facts);
  await putManifest(work.registry, work.options.reference.repository, name, {
    bytes,
    mediaType: facts.mediaType,
  });
}

async function pushContent(work: Work, facts: ManifestFacts): Promise<void> {
  await pushBlobs(work, facts.blobs);
  for (const { digest } of facts.manifests) {
    // Of an index that was pulled for one platform only that one is here; the others are left to the registry's own check.
    if (await work.store.has(digest)) await pushManifest(work, digest, digest);
  }
}

async function pushBlobs(work: Work, blobs: readonly Descriptor[]): Promise<void> {
  const { registry, options, places, counter, store } = work;
  const { repository } = options.reference;
  const fresh = blobs.filter(({ digest }, index) => {
    const first = blobs.findIndex((other) => other.digest === digest) === index;
    return first && !work.seen.has(digest);
  });
  for (const { digest, size } of fresh) {
    work.seen.set(digest, size);
    // Found here, so that the lease keeps it until its turn.
    await store.has(digest);
  }
  await inParallel(fresh, work.stop, async (descriptor) => {
    let expected = false;
    const outcome = await pushBlob(store, {
      registry,
      repository,
      descriptor,
      from: places.find(descriptor.digest),
      chunkBytes: options.chunkBytes,
      onBytes: (bytes) => {
        if (!expected) counter.expect(descriptor.size);
        expected = true;
        counter.add(bytes);
      },
    });
    work.outcomes[outcome] += 1;
    places.add(descriptor.digest, repository);
  });
}

/** What refers to the image, and what refers to that: a bill of materials may be signed itself. */
async function pushReferrers(work: Work, subject: Digest, depth = 0): Promise<void> {
  const { store, registry, options } = work;
  for (const descriptor of await store.referrers(subject)) {
    if (options.referrers !== undefined && !options.referrers.has(descriptor.artifactType ?? '')) continue;
    const { bytes, facts } = await readLocal(store, descriptor.digest);
    await pushContent(work, facts);
    await putReferrer(registry, options.reference.repository, { bytes, descriptor, subject });
    if (descriptor.artifactType === artifactType.signature) {
      await putSignatureTag(registry, options.reference.repository, subject, bytes);
    }
    work.referrers += 1;
    if (depth < 3) await pushReferrers(work, descriptor.digest, depth + 1);
  }
}

async function readLocal(
  store: ImageStore,
  digest: Digest,
): Promise<{ bytes: Buffer; facts: ManifestFacts }> {
  const bytes = await store.readBytes(digest);
  // `readBytes` verified the bytes; a manifest is small enough to be parsed again.
  return { bytes, facts: readManifestFacts(JSON.parse(bytes.toString('utf8'))) };
}
