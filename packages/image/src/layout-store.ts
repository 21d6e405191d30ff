import { createHash } from 'node:crypto';
import { createReadStream, type Stats } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';
import { access, mkdir, open, readdir, rm, stat, utimes } from 'node:fs/promises';
import { join } from 'node:path';
import { isDigest, type Digest } from '@galley/api/digest';
import { GalleyError } from '@galley/api/error/galley-error';
import type { Descriptor } from './descriptor.ts';
import { blobAltered } from './blob-altered.ts';
import { digestOf } from './digest-of.ts';
import { isMissing } from './layout/disk-errors.ts';
import { ingest, type IngestOptions } from './layout/ingest.ts';
import { sweepIngest } from './layout/ingest-file.ts';
import { asideFile, blobFile, PendingBlob } from './layout/pending-blob.ts';
import { replaceFile } from './layout/replace-file.ts';
import { notFound, subjectOf, TagIndex, tagOf, withoutSubject } from './layout/tag-index.ts';
import { readManifestFacts } from './assemble/manifest-facts.ts';
import { takeLease, type Lease } from './lease/lease.ts';
import { manifestType, mediaType } from './media-type.ts';
import { jsonBytesMax, parseJson } from './small-json.ts';
import type { ImageStore, Root, TagHistory } from './store.ts';

/** A blob that was found is marked as used at most this often. */
const touchMs = 10_000;
/** Milliseconds to wait for a pruning to decide; it takes a fraction of one, unless it was killed. */
const asideTries = 100;

export interface LayoutStoreOptions {
  /** Only the owner of GALLEY_HOME says true: what killed processes were writing is removed. Default false. */
  readonly wipe?: boolean;
  /** Milliseconds since the epoch, for the history of tags. Default: the clock. */
  readonly now?: () => number;
}

/**
 * Opens, or makes, an OCI image layout as a store. Several stores may be open on one folder (workers do that to write blobs); tags are
 * moved by one of them.
 */
export async function openLayoutStore(root: string, options: LayoutStoreOptions = {}): Promise<ImageStore> {
  if (options.wipe === true) await sweepIngest(root);
  await mkdir(join(root, 'blobs', 'sha256'), { recursive: true });
  await mkdir(join(root, 'ingest'), { recursive: true });
  await createOnce(root, 'oci-layout', { imageLayoutVersion: '1.0.0' });
  await createOnce(root, 'index.json', {
    schemaVersion: 2,
    mediaType: mediaType.index,
    manifests: [],
  });
  return new LayoutStore(root, options.now ?? Date.now);
}

async function createOnce(root: string, name: string, value: unknown): Promise<void> {
  const path = join(root, name);
  try {
    await access(path);
  } catch {
    await replaceFile(path, `${JSON.stringify(value)}\n`, join(root, 'ingest'));
  }
}

class LayoutStore implements ImageStore {
  readonly root: string;
  readonly #tags: TagIndex;
  readonly #now: () => number;

  constructor(root: string, now: () => number) {
    this.root = root;
    this.#now = now;
    this.#tags = new TagIndex(root, now);
  }

  blobPath(digest: Digest): string {
    return blobFile(this.root, digest);
  }

  async has(digest: Digest): Promise<boolean> {
    const path = this.blobPath(digest);
    const found = await this.#find(digest);
    if (found?.isFile() !== true) return false;
    const nowMs = this.#now();
    if (nowMs - found.mtimeMs < touchMs) return true;
    // Gone in between: then it is not here. Anything else (a store of somebody else's) does not matter to who reads.
    return utimes(path, nowMs / 1000, nowMs / 1000).then(
      () => true,
      (error: unknown) => !isMissing(error),
    );
  }

  /** Waits out the moment in which a pruning has the blob aside and may put it back. */
  async #find(digest: Digest): Promise<Stats | undefined> {
    const missing = (): undefined => undefined;
    for (let tries = 0; tries < asideTries; tries += 1) {
      const found = await stat(this.blobPath(digest)).catch(missing);
      if (found !== undefined) return found;
      if ((await stat(asideFile(this.root, digest)).catch(missing)) === undefined) break;
      await delay(1);
    }
    return stat(this.blobPath(digest)).catch(missing);
  }

  lease(purpose: string): Promise<Lease> {
    return takeLease(this.root, purpose, this.#now);
  }

  exclusive<T>(work: () => Promise<T>): Promise<T> {
    return this.#tags.exclusive(work);
  }

  write(source: AsyncIterable<Uint8Array> | Uint8Array, options: IngestOptions): Promise<Descriptor> {
    return ingest(this.root, source, options);
  }

  begin(): Promise<PendingBlob> {
    return PendingBlob.open(this.root);
  }

  async readBytes(digest: Digest, bytesMax: number = jsonBytesMax): Promise<Buffer> {
    const bytes = await this.#readSmall(digest, bytesMax);
    if (digestOf(bytes) === digest) return bytes;
    await this.discardAltered(digest);
    throw blobAltered(this, digest);
  }

  async discardAltered(digest: Digest): Promise<boolean> {
    const path = this.blobPath(digest);
    const hash = createHash('sha256');
    try {
      for await (const chunk of createReadStream(path, { highWaterMark: 1 << 20 }))
        hash.update(chunk as Buffer);
    } catch (error) {
      if (isMissing(error)) return false;
      throw error;
    }
    if (`sha256:${hash.digest('hex')}` === digest) return false;
    await rm(path, { force: true });
    return true;
  }

  async readJson(digest: Digest): Promise<unknown> {
    return requireJson(await this.readBytes(digest), `The blob ${digest}`);
  }

  async putManifest(bytes: Uint8Array, told?: Digest): Promise<Descriptor> {
    if (bytes.byteLength > jsonBytesMax) {
      const text = `The manifest has ${bytes.byteLength} bytes; ${jsonBytesMax} are allowed.`;
      throw new GalleyError('IMAGE_INVALID', text);
    }
    const facts = readManifestFacts(requireJson(bytes, 'The manifest'));
    const written = await this.write(bytes, { mediaType: facts.mediaType });
    const { artifactType, annotations } = facts;
    const subject = facts.subject ?? told;
    const descriptor = {
      ...written,
      ...(artifactType === undefined ? {} : { artifactType }),
      ...(annotations === undefined ? {} : { annotations }),
    };
    if (subject !== undefined) await this.#tags.attach(descriptor, subject);
    return descriptor;
  }

  async referrers(subject: Digest): Promise<readonly Descriptor[]> {
    const all = await this.#tags.manifests();
    return all.filter((entry) => subjectOf(entry) === subject).map(withoutSubject);
  }

  async roots(): Promise<readonly Root[]> {
    return (await this.#tags.manifests()).map((entry) => {
      const subject = subjectOf(entry);
      const name = tagOf(entry);
      return {
        digest: entry.digest,
        ...(subject === undefined ? {} : { subject }),
        ...(name === undefined ? {} : { name }),
      };
    });
  }

  detach(digest: Digest): Promise<boolean> {
    return this.#tags.detach(digest);
  }

  async tag(name: string, digest: Digest): Promise<void> {
    checkTagName(name);
    await this.#tags.set(name, () => this.#describe(name, digest));
  }

  async #describe(name: string, digest: Digest): Promise<Descriptor> {
    const bytes = await this.readBytes(digest);
    const type = manifestType(requireJson(bytes, `The blob ${digest}`));
    if (type !== undefined) return { mediaType: type, digest, size: bytes.byteLength };
    throw new GalleyError(
      'IMAGE_INVALID',
      `${digest} is no image manifest, so "${name}" cannot point at it.`,
      {
        details: { name, digest },
      },
    );
  }

  untag(name: string): Promise<void> {
    return this.#tags.remove(name);
  }

  tags(): Promise<readonly TagHistory[]> {
    return this.#tags.list();
  }

  async resolve(reference: string): Promise<Digest> {
    const tagged = (await this.#tags.find(reference)) ?? (await this.#tags.find(`${reference}:latest`));
    if (tagged !== undefined) return tagged;
    if (isDigest(reference)) {
      if (await this.has(reference)) return reference;
      throw notFound(reference);
    }
    return this.#resolvePrefix(reference);
  }

  async #resolvePrefix(reference: string): Promise<Digest> {
    const prefix = /^(?:sha256:)?([0-9a-f]{6,63})$/.exec(reference)?.[1];
    if (prefix === undefined) throw notFound(reference);
    const names = await readdir(join(this.root, 'blobs', 'sha256'));
    const matches: Digest[] = [];
    for (const name of names) {
      const digest = `sha256:${name}`;
      if (name.startsWith(prefix) && isDigest(digest) && (await this.#isManifest(digest)))
        matches.push(digest);
    }
    const [only, ...others] = matches;
    if (only === undefined) throw notFound(reference);
    if (others.length === 0) return only;
    throw new GalleyError(
      'IMAGE_NOT_FOUND',
      `"${reference}" begins the digests of ${matches.length} images.`,
      {
        hint: 'Give more digits of the digest.',
        details: { reference, matches },
      },
    );
  }

  async #isManifest(digest: Digest): Promise<boolean> {
    const { size } = await stat(this.blobPath(digest));
    if (size > jsonBytesMax) return false;
    const value = await this.readJson(digest).catch(() => undefined);
    return manifestType(value) !== undefined;
  }

  async #readSmall(digest: Digest, bytesMax: number): Promise<Buffer> {
    let handle;
    try {
      handle = await open(this.blobPath(digest), 'r');
    } catch (error) {
      if (!isMissing(error)) throw error;
      throw new GalleyError('BLOB_MISSING', `The store ${this.root} does not hold ${digest}.`, {
        hint: 'galley image list',
        details: { digest, root: this.root },
      });
    }
    try {
      const { size } = await handle.stat();
      if (size > bytesMax) {
        const text = `The blob ${digest} has ${size} bytes, too many for what it is read as: ${bytesMax} are allowed.`;
        throw new GalleyError('IMAGE_INVALID', text, { details: { digest, size } });
      }
      return await handle.readFile();
    } finally {
      await handle.close();
    }
  }
}

function requireJson(bytes: Uint8Array, what: string): unknown {
  const value = parseJson(bytes);
  if (value === undefined) throw new GalleyError('IMAGE_INVALID', `${what} is not JSON.`);
  return value;
}

function checkTagName(name: string): void {
  if (/^[A-Za-z0-9][A-Za-z0-9._/:@+-]{0,254}$/.test(name) && !name.startsWith('sha256:')) return;
  throw new GalleyError('IMAGE_INVALID', `"${name}" cannot be a tag.`, {
    hint: 'A tag begins with a letter or digit and holds letters, digits and . _ / : @ + - only, at most 255.',
    details: { name },
  });
}
