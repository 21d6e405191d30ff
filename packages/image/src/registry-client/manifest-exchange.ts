import { isDigest, type Digest } from '@galley/api/digest';
import { GalleyError } from '@galley/api/error/galley-error';
import { isObject } from '@galley/api/json-object';
import { digestOf } from '../digest-of.ts';
import { imageTypes, manifestType } from '../media-type.ts';
import { jsonBytesMax, parseJson } from '../small-json.ts';
import { answerInvalid } from './answer-error.ts';
import { textHeader, type RegistryAnswer } from './exchange.ts';
import { readSmall } from './read-body.ts';
import type { Registry } from './registry.ts';

/** A manifest or index as it lies in a registry: the bytes count, since the digest is of them. */
export interface RemoteManifest {
  readonly digest: Digest;
  readonly mediaType: string;
  readonly bytes: Buffer;
  readonly value: Readonly<Record<string, unknown>>;
}

/** What a token must allow. */
export function pullScope(repository: string): string {
  return `repository:${repository}:pull`;
}

/** What a token must allow for a push; pull too, since a push looks first. */
export function pushScope(repository: string): string {
  return `repository:${repository}:pull,push`;
}

/**
 * Reads a manifest by tag or digest. A digest is checked against the bytes, the one that was asked for and the one that the registry claims.
 * Throws `REGISTRY_NOT_FOUND`, `DIGEST_MISMATCH`, `REGISTRY_ANSWER_INVALID`.
 */
export async function getManifest(
  registry: Registry,
  repository: string,
  name: string,
): Promise<RemoteManifest> {
  return readAnswer(registry, repository, name, await ask(registry, repository, name, [200]));
}

/** The same, where it may not be there: undefined. */
export async function findManifest(
  registry: Registry,
  repository: string,
  name: string,
): Promise<RemoteManifest | undefined> {
  const answer = await ask(registry, repository, name, [200, 404]);
  if (answer.status === 200) return readAnswer(registry, repository, name, answer);
  await answer.body.dump();
  return undefined;
}

/** In words, for errors. */
function wordsFor(repository: string, name: string): string {
  return `the manifest of ${repository}${isDigest(name) ? '@' : ':'}${name}`;
}

function ask(
  registry: Registry,
  repository: string,
  name: string,
  accept: readonly number[],
): Promise<RegistryAnswer> {
  return registry.send({
    method: 'GET',
    path: `${repository}/manifests/${name}`,
    what: wordsFor(repository, name),
    scopes: [pullScope(repository)],
    headers: { accept: [...imageTypes].join(', ') },
    accept,
  });
}

async function readAnswer(
  registry: Registry,
  repository: string,
  name: string,
  answer: RegistryAnswer,
): Promise<RemoteManifest> {
  const what = wordsFor(repository, name);
  const bytes = await readSmall(registry.name, answer.body);
  const digest = digestOf(bytes);
  if (isDigest(name) && name !== digest) throw mismatch(registry, what, name, digest);
  const claimed = textHeader(answer.headers, 'docker-content-digest');
  if (claimed !== undefined && isDigest(claimed) && claimed !== digest)
    throw mismatch(registry, what, claimed, digest);
  return { digest, bytes, ...readShape(registry, what, bytes, textHeader(answer.headers, 'content-type')) };
}

/**
 * Writes a manifest under a tag or its digest. True: the registry keeps referrers itself (`OCI-Subject`). Throws `DIGEST_MISMATCH` if the registry
 * has stored something else.
 */
export async function putManifest(
  registry: Registry,
  repository: string,
  name: string,
  manifest: { readonly bytes: Uint8Array; readonly mediaType: string },
): Promise<boolean> {
  const what = wordsFor(repository, name);
  if (manifest.bytes.byteLength > jsonBytesMax) {
    throw new GalleyError(
      'IMAGE_INVALID',
      `${what} has ${manifest.bytes.byteLength} bytes; registries take ${jsonBytesMax}.`,
    );
  }
  const answer = await registry.send({
    method: 'PUT',
    path: `${repository}/manifests/${name}`,
    what,
    scopes: [pushScope(repository)],
    headers: { 'content-type': manifest.mediaType },
    body: () => manifest.bytes,
    accept: [200, 201],
  });
  await answer.body.dump();
  const claimed = textHeader(answer.headers, 'docker-content-digest');
  const digest = digestOf(manifest.bytes);
  if (claimed !== undefined && isDigest(claimed) && claimed !== digest)
    throw mismatch(registry, what, digest, claimed);
  return textHeader(answer.headers, 'oci-subject') !== undefined;
}

function readShape(
  registry: Registry,
  what: string,
  bytes: Buffer,
  contentType: string | undefined,
): Pick<RemoteManifest, 'mediaType' | 'value'> {
  const value = parseJson(bytes);
  if (value === undefined) throw answerInvalid(registry.name, `sent ${what}, which is not JSON`);
  if (!isObject(value)) throw answerInvalid(registry.name, `sent ${what}, which is no object`);
  if (value['schemaVersion'] !== 2) {
    throw answerInvalid(registry.name, `has ${what} in the old schema, which nobody can verify`);
  }
  const mediaType = manifestType(value) ?? contentType?.split(';')[0]?.trim();
  if (mediaType === undefined || !imageTypes.has(mediaType)) {
    throw answerInvalid(registry.name, `sent ${what} as ${mediaType ?? 'nothing'}, which is no image`);
  }
  // Both names for one thing must agree, or two readers see two images (CVE-2021-41190).
  if (Array.isArray(value['manifests']) && Array.isArray(value['layers'])) {
    throw answerInvalid(registry.name, `sent ${what}, which is an image and an index at once`);
  }
  return { mediaType, value };
}

function mismatch(registry: Registry, what: string, expected: Digest, actual: Digest): GalleyError {
  return new GalleyError(
    'DIGEST_MISMATCH',
    `${registry.name} answers ${what} with other bytes: ${actual} instead of ${expected}.`,
    {
      hint: 'Try again; if it stays, do not trust this registry.',
      details: { registry: registry.name, expected, actual },
    },
  );
}
