import type { Digest } from '@galley/api/digest';
import { GalleyError } from '@galley/api/error/galley-error';
import { hostArchitecture } from '../assemble/assemble-image.ts';
import { invalid } from '../assemble/check-manifest.ts';
import { readManifestFacts } from '../assemble/manifest-facts.ts';
import { pickPlatform, readImage } from '../assemble/read-image.ts';
import type { Descriptor } from '../descriptor.ts';
import type { ImageStore } from '../store.ts';
import { KnownPlaces } from './known-places.ts';
import { getManifest, type RemoteManifest } from './manifest-exchange.ts';
import { pullBlob } from './pull-blob.ts';
import { formatReference, manifestName, type ImageReference } from './reference.ts';
import { listReferrers } from './referrer-exchange.ts';
import { getSignature } from './signature-exchange.ts';
import { openRegistry, type Registry, type RegistryOptions } from './registry.ts';
import { ByteCounter, inParallel, type TransferProgress } from './transfer.ts';

/** What is pulled from where. */
export interface PullOptions extends RegistryOptions {
  readonly reference: ImageReference;
  /** `amd64`, `arm64`; default: this machine's. */
  readonly architecture?: string;
  /** Also what refers to the image: signatures, bills of materials. */
  readonly referrers?: boolean;
  readonly progress: TransferProgress;
}

/** What a pull brought. Nothing is tagged: that is the business of whoever owns the store. */
export interface PullReport {
  readonly reference: string;
  /** Of the image's manifest. */
  readonly digest: Digest;
  /** Of the index that it was chosen from, where there was one. */
  readonly index: Digest | undefined;
  readonly blobs: { readonly known: number; readonly fetched: number };
  readonly fetchedBytes: number;
  /** Manifests that refer to the image, in the order in which the registry lists them: to be put with `putManifest` by the store's owner. */
  readonly referrers: readonly PulledReferrer[];
}

/** A manifest and what it refers to. */
export interface PulledReferrer {
  readonly bytes: Uint8Array;
  readonly subject: Digest;
}

/** Layers and configuration of an image at most; a registry could name as many as fit in 4 MiB. */
const blobsMax = 1024;
const referrersMax = 100;
/** Bytes of an image at most, as it is sent: more than any that people have. */
const imageBytesMax = 256 * 1024 ** 3;

interface Work {
  readonly store: ImageStore;
  readonly registry: Registry;
  readonly repository: string;
  readonly places: KnownPlaces;
  readonly counter: ByteCounter;
  readonly stop: AbortController;
  known: number;
  fetched: number;
}

/**
 * Pulls an image into the store: everything verified by size and digest, an index answered with the manifest for one architecture. Blobs
 * that are here are not fetched. Throws `REGISTRY_*`, `DIGEST_MISMATCH`, `IMAGE_INVALID`, `DISK_FULL`.
 */
export async function pullImage(store: ImageStore, options: PullOptions): Promise<PullReport> {
  const lease = await store.lease(`pull ${formatReference(options.reference)}`);
  try {
    return await pull(store, options);
  } finally {
    await lease.release();
  }
}

async function pull(store: ImageStore, options: PullOptions): Promise<PullReport> {
  const { reference, progress } = options;
  const stop = new AbortController();
  const signal = options.signal === undefined ? stop.signal : AbortSignal.any([options.signal, stop.signal]);
  const registry = await openRegistry(reference.registry, { ...options, signal });
  const { repository } = reference;
  const work: Work = {
    store,
    registry,
    repository,
    places: await KnownPlaces.open(store, registry.name),
    counter: new ByteCounter(progress, formatReference(reference)),
    stop,
    known: 0,
    fetched: 0,
  };
  const top = await getManifest(registry, repository, manifestName(reference));
  const chosen = await choose(work, top, options.architecture ?? hostArchitecture());
  await pullBlobs(work, readManifestFacts(chosen.value).blobs);
  await store.write(chosen.bytes, { mediaType: chosen.mediaType, expect: chosen.digest });
  if (top !== chosen) await store.write(top.bytes, { mediaType: top.mediaType, expect: top.digest });
  // Reads what came as an image: what is no image must not get a tag.
  await readImage(store, chosen.digest);
  const referrers = options.referrers === true ? await pullReferrers(work, [top.digest, chosen.digest]) : [];
  await work.places.save();
  return {
    reference: formatReference(reference),
    digest: chosen.digest,
    index: top === chosen ? undefined : top.digest,
    blobs: { known: work.known, fetched: work.fetched },
    fetchedBytes: work.counter.done,
    referrers,
  };
}

async function choose(work: Work, top: RemoteManifest, architecture: string): Promise<RemoteManifest> {
  const manifests = top.value['manifests'];
  if (!Array.isArray(manifests)) return top;
  const digest = pickPlatform(manifests, architecture, top.digest);
  const chosen = await getManifest(work.registry, work.repository, digest);
  if (Array.isArray(chosen.value['manifests'])) throw invalid('The index', 'holds an index', top.digest);
  return chosen;
}

async function pullBlobs(work: Work, blobs: readonly Descriptor[]): Promise<void> {
  const { store, registry, repository, counter, places } = work;
  const unique = [...new Map(blobs.map((blob) => [blob.digest, blob])).values()];
  if (unique.length > blobsMax) {
    const text = `${registry.name} has an image with ${unique.length} blobs; ${blobsMax} are allowed.`;
    throw new GalleyError('IMAGE_INVALID', text, { details: { registry: registry.name } });
  }
  if (unique.reduce((sum, { size }) => sum + size, 0) > imageBytesMax) {
    const text = `${registry.name} has an image that is larger than ${imageBytesMax} bytes.`;
    throw new GalleyError('IMAGE_INVALID', text, { details: { registry: registry.name } });
  }
  const missing: Descriptor[] = [];
  for (const blob of unique) {
    places.add(blob.digest, repository);
    if (await store.has(blob.digest)) work.known += 1;
    else missing.push(blob);
  }
  for (const { size } of missing) counter.expect(size);
  await inParallel(missing, work.stop, async (descriptor) => {
    await pullBlob(store, { registry, repository, descriptor, onBytes: counter.add });
    work.fetched += 1;
  });
}

async function pullReferrers(work: Work, subjects: readonly Digest[]): Promise<readonly PulledReferrer[]> {
  const { registry, repository } = work;
  const found = new Map<Digest, PulledReferrer>();
  for (const subject of new Set(subjects)) {
    const listed = await listReferrers(registry, repository, subject);
    for (const { digest } of listed.slice(0, referrersMax)) {
      const manifest = await getManifest(registry, repository, digest);
      // A list may name anything; only what says itself that it refers to the image is taken.
      if (readManifestFacts(manifest.value).subject === subject)
        found.set(digest, { bytes: manifest.bytes, subject });
    }
    const signature = await getSignature(registry, repository, subject);
    if (signature !== undefined) found.set(signature.digest, { bytes: signature.bytes, subject });
  }
  for (const { bytes } of found.values()) {
    await pullBlobs(work, readManifestFacts(JSON.parse(Buffer.from(bytes).toString('utf8'))).blobs);
  }
  return [...found.values()];
}
