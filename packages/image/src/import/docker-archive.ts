import { isObject } from '@galley/api/json-object';
import { createHash } from 'node:crypto';
import { posix } from 'node:path';
import type { Digest } from '@galley/api/digest';
import { GalleyError } from '@galley/api/error/galley-error';
import { invalid, readConfig } from '../assemble/check-manifest.ts';
import { tarBytesAnnotation } from '../assemble/write-image.ts';
import { canonicalJson } from '../canonical-json.ts';
import type { Descriptor } from '../descriptor.ts';
import { deterministicGzip } from '../layer/deterministic-gzip.ts';
import { mediaType } from '../media-type.ts';
import { jsonBytesMax, parseJson } from '../small-json.ts';
import type { ImageStore } from '../store.ts';
import { readEntry } from '../tar/read-entry.ts';
import { readTar } from '../tar/read-tar.ts';

/** A file of the archive that is in the store now. */
interface Taken {
  readonly descriptor: Descriptor;
  /** Of a layer that was compressed here: what its diff id must be. */
  readonly diffId?: Digest;
}

const limits = { entriesMax: 20_000, bytesMax: 2 ** 37 };
/** All JSON of an archive, which is held in memory: an image has one small configuration. */
const jsonTotalMax = 64 << 20;

/**
 * An image of `docker save`, old and new: manifest.json names configuration and layers by their paths in the tar. One pass, since the tar
 * comes in any order. Throws `IMAGE_NOT_FOUND` when the tag is not in there or several images are, `IMAGE_INVALID`, `DIGEST_MISMATCH`, `DISK_FULL`.
 */
export async function importDockerArchive(
  store: ImageStore,
  source: AsyncIterable<Uint8Array>,
  options: { readonly path: string; readonly tag: string | undefined; readonly signal?: AbortSignal },
): Promise<Digest> {
  const taken = new Map<string, Taken>();
  /** Configurations and manifests: what reads as JSON from end to end, since a layer may begin like it, with the name of its first file. */
  const json = new Map<string, Buffer>();
  const links = new Map<string, string>();
  let jsonBytes = 0;
  for await (const entry of readTar(source, { ...limits, special: 'skip' }, options.signal)) {
    if (entry.type === 'symlink') {
      // Docker before 25 links a layer that two images share.
      links.set(entry.path, posix.join(posix.dirname(entry.path), entry.linkTarget ?? ''));
    } else if (entry.type === 'file' && entry.content !== undefined) {
      const small = entry.path.endsWith('.tar') ? undefined : await readEntry(entry, jsonBytesMax);
      if (small !== undefined && parseJson(small) !== undefined) {
        json.set(entry.path, small);
        jsonBytes += small.byteLength;
        if (jsonBytes > jsonTotalMax)
          throw invalid(options.path, `holds more than ${jsonTotalMax} bytes of JSON`);
      } else if (small !== undefined) {
        taken.set(entry.path, await takeLayer(store, [small], options.signal));
      } else if (entry.path.endsWith('.tar') || entry.path.startsWith('blobs/')) {
        // A reader of a tar streams; buffers are the writer's.
        const content = entry.content() as AsyncIterable<Uint8Array>;
        taken.set(entry.path, await takeLayer(store, content, options.signal));
      }
    }
  }
  const image = pickImage(json.get('manifest.json'), options);
  const config = json.get(image.config);
  if (config === undefined) throw invalid(options.path, `holds no ${image.config}`);
  const layers = image.layers.map((path) => {
    const layer = taken.get(links.get(path) ?? path);
    if (layer === undefined) throw invalid(options.path, `holds no layer ${path}`);
    return layer;
  });
  checkDiffIds(config, layers);
  const manifest = {
    schemaVersion: 2,
    mediaType: mediaType.manifest,
    // Byte for byte: other tools know the image by this digest.
    config: await store.write(config, { mediaType: mediaType.config }),
    layers: layers.map(({ descriptor }) => descriptor),
  };
  const written = await store.write(Buffer.from(canonicalJson(manifest)), { mediaType: mediaType.manifest });
  return written.digest;
}

function pickImage(
  bytes: Buffer | undefined,
  { path, tag }: { readonly path: string; readonly tag: string | undefined },
): { readonly config: string; readonly layers: readonly string[] } {
  const list = bytes === undefined ? undefined : parseJson(bytes);
  if (!Array.isArray(list)) throw invalid(path, 'is no archive of docker save: it has no manifest.json');
  const images = list.filter(isObject).map((image) => ({
    config: typeof image['Config'] === 'string' ? image['Config'] : '',
    layers: texts(image['Layers']),
    tags: texts(image['RepoTags']),
  }));
  const found =
    tag === undefined ? images : images.filter(({ tags }) => tags.some((name) => isCalled(name, tag)));
  const [only, ...others] = found;
  if (only !== undefined && others.length === 0) return only;
  const tags = images.flatMap((image) => image.tags);
  throw new GalleyError(
    'IMAGE_NOT_FOUND',
    `${path} holds ${found.length === 0 ? 'no image' : `${found.length} images`} ${tag ?? ''}`.trim() + '.',
    {
      hint: `Name one after a colon: ${tags.slice(0, 10).join(', ')}`,
      details: { path, tags },
    },
  );
}

/** Docker writes short names, skopeo whole ones: `demo:v1`, `docker.io/library/demo:v1`. */
function isCalled(name: string, tag: string): boolean {
  const short = name.replace(/^docker\.io\/(library\/)?/, '');
  return [name, short].some((known) => known === tag || known === `${tag}:latest`);
}

function checkDiffIds(config: Buffer, layers: readonly Taken[]): void {
  const { diff_ids: expected } = readConfig(parseJson(config)).rootfs;
  if (expected.length !== layers.length)
    throw invalid('The image', `has ${layers.length} layers but ${expected.length} diff ids`);
  for (const [index, { diffId }] of layers.entries()) {
    // One that came compressed is held against its diff id when it is unpacked.
    if (diffId === undefined || diffId === expected[index]) continue;
    throw new GalleyError(
      'DIGEST_MISMATCH',
      `Layer ${index} of the archive is ${diffId}, not ${expected[index]}.`,
      {
        hint: 'Write the archive again.',
        details: { expected: expected[index], actual: diffId },
      },
    );
  }
}

/** A layer as the store wants it: compressed ones as they are, plain ones through our compressor. */
async function takeLayer(
  store: ImageStore,
  source: AsyncIterable<Uint8Array> | Iterable<Uint8Array>,
  signal: AbortSignal | undefined,
): Promise<Taken> {
  const abort = signal === undefined ? {} : { signal };
  const { head, whole } = await peek(source);
  const compressed = compressionOf(head);
  if (compressed !== undefined)
    return { descriptor: await store.write(whole, { mediaType: compressed, ...abort }) };
  const diff = createHash('sha256');
  let bytes = 0;
  async function* measured(): AsyncGenerator<Uint8Array> {
    for await (const chunk of whole) {
      diff.update(chunk);
      bytes += chunk.byteLength;
      yield chunk;
    }
  }
  const written = await store.write(deterministicGzip(measured(), signal), {
    mediaType: mediaType.layer,
    ...abort,
  });
  const descriptor = { ...written, annotations: { [tarBytesAnnotation]: String(bytes) } };
  return { descriptor, diffId: `sha256:${diff.digest('hex')}` };
}

function compressionOf(head: Uint8Array): string | undefined {
  const start = Buffer.from(head.subarray(0, 4)).toString('hex');
  if (start.startsWith('1f8b')) return mediaType.layer;
  return start === '28b52ffd' ? 'application/vnd.oci.image.layer.v1.tar+zstd' : undefined;
}

async function peek(
  source: AsyncIterable<Uint8Array> | Iterable<Uint8Array>,
): Promise<{ head: Uint8Array; whole: AsyncIterable<Uint8Array> }> {
  const iterator = (async function* () {
    yield* source;
  })();
  const first = await iterator.next();
  const head = first.done === true ? Buffer.alloc(0) : first.value;
  return {
    head,
    whole: (async function* () {
      yield head;
      yield* iterator;
    })(),
  };
}

function texts(value: unknown): readonly string[] {
  return Array.isArray(value) ? value.filter((item) => typeof item === 'string') : [];
}
