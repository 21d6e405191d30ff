import { isObject } from '@galley/api/json-object';
import type { Digest } from '@galley/api/digest';
import { readDescriptor } from '../assemble/check-manifest.ts';
import { canonicalJson } from '../canonical-json.ts';
import type { Descriptor } from '../descriptor.ts';
import { mediaType } from '../media-type.ts';
import { signatureTag } from '../referrer/artifact-types.ts';
import { findManifest, putManifest, type RemoteManifest } from './manifest-exchange.ts';
import type { Registry } from './registry.ts';

/** The signatures of a manifest that lie under a tag, as cosign up to version 2 writes them; undefined: there are none. */
export function getSignature(
  registry: Registry,
  repository: string,
  subject: Digest,
): Promise<RemoteManifest | undefined> {
  return findManifest(registry, repository, signatureTag(subject));
}

/**
 * Puts signatures under that tag. Signatures of others that lie there already stay: both lists are joined. As with the fallback tag, of two writers at
 * once one may be lost.
 */
export async function putSignatureTag(
  registry: Registry,
  repository: string,
  subject: Digest,
  bytes: Uint8Array,
): Promise<void> {
  const there = await getSignature(registry, repository, subject);
  const joined = there === undefined ? bytes : join(there, bytes);
  if (joined === undefined) return;
  await putManifest(registry, repository, signatureTag(subject), {
    bytes: joined,
    mediaType: mediaType.manifest,
  });
}

/** Undefined: nothing is new. */
function join(there: RemoteManifest, bytes: Uint8Array): Uint8Array | undefined {
  const ours: unknown = JSON.parse(Buffer.from(bytes).toString('utf8'));
  if (!isObject(ours)) return bytes;
  const [old, own] = [layersOf(there.value), layersOf(ours)];
  const [oldKeys, ownKeys] = [new Set(old.map(keyOf)), new Set(own.map(keyOf))];
  if (own.every((layer) => oldKeys.has(keyOf(layer)))) return undefined;
  const others = old.filter((layer) => !ownKeys.has(keyOf(layer)));
  if (others.length === 0) return bytes;
  return Buffer.from(canonicalJson({ ...ours, layers: [...others, ...own] }), 'utf8');
}

function layersOf(value: Readonly<Record<string, unknown>>): readonly Descriptor[] {
  const layers = value['layers'];
  return Array.isArray(layers)
    ? layers.map((layer, index) => readDescriptor(layer, `signature.layers[${index}]`))
    : [];
}

/** Two keys may have signed the same text, so the signature counts too. */
function keyOf(layer: Descriptor): string {
  return `${layer.digest} ${canonicalJson(layer.annotations ?? {})}`;
}
