import { isObject } from '@galley/api/json-object';
import { digestHex, type Digest } from '@galley/api/digest';
import { readDescriptor } from '../assemble/check-manifest.ts';
import { canonicalJson } from '../canonical-json.ts';
import type { Descriptor } from '../descriptor.ts';
import { mediaType } from '../media-type.ts';
import { parseJson } from '../small-json.ts';
import { answerInvalid } from './answer-error.ts';
import { textHeader, type RegistryAnswer } from './exchange.ts';
import { findManifest, pullScope, putManifest } from './manifest-exchange.ts';
import { readSmall } from './read-body.ts';
import type { Registry } from './registry.ts';

/** Pages of a list: as many as nobody signs an image. */
const pagesMax = 100;

/** The tag under which a registry without a referrers API keeps the list (distribution-spec, "Referrers Tag Schema"). */
function fallbackTag(subject: Digest): string {
  return `sha256-${digestHex(subject)}`;
}

/**
 * What refers to a manifest: by the referrers API, else by the fallback tag. Empty where nothing does. Throws `REGISTRY_*`.
 */
export async function listReferrers(
  registry: Registry,
  repository: string,
  subject: Digest,
): Promise<readonly Descriptor[]> {
  const found: Descriptor[] = [];
  let path: string | URL = `${repository}/referrers/${subject}`;
  for (let page = 1; page <= pagesMax; page += 1) {
    const answer: RegistryAnswer = await registry.send({
      method: 'GET',
      path,
      what: `what refers to ${subject} in ${repository}`,
      scopes: [pullScope(repository)],
      headers: { accept: mediaType.index },
      // Registries that never heard of referrers say so in several ways.
      accept: page === 1 ? [200, 400, 404, 405] : [200],
    });
    const bytes = await readSmall(registry.name, answer.body);
    if (answer.status !== 200) return readFallback(registry, repository, subject);
    found.push(...readIndex(registry, subject, parseJson(bytes)));
    const next = nextPage(registry, answer);
    if (next === undefined) return found;
    path = next;
  }
  throw answerInvalid(registry.name, `lists what refers to ${subject} on more than ${pagesMax} pages`);
}

/** Where the list goes on (RFC 8288, distribution-spec "Listing Referrers"): at the registry itself and nowhere else. */
function nextPage(registry: Registry, answer: RegistryAnswer): URL | undefined {
  const target = /<([^>]*)>\s*;[^,]*\brel="?next"?/i.exec(textHeader(answer.headers, 'link') ?? '')?.[1];
  if (target === undefined) return undefined;
  const next = URL.parse(target, answer.url.href);
  if (next?.origin === registry.base.origin) return next;
  throw answerInvalid(registry.name, 'goes on with a list at another address than its own');
}

async function readFallback(
  registry: Registry,
  repository: string,
  subject: Digest,
): Promise<readonly Descriptor[]> {
  const list = await findManifest(registry, repository, fallbackTag(subject));
  return list === undefined ? [] : readIndex(registry, subject, list.value);
}

function readIndex(registry: Registry, subject: Digest, value: unknown): readonly Descriptor[] {
  if (!isObject(value) || !Array.isArray(value['manifests'])) {
    throw answerInvalid(registry.name, `has a list of what refers to ${subject} that is no index`);
  }
  return value['manifests'].map((entry, index) => readDescriptor(entry, `referrers[${index}]`));
}

/**
 * Puts a manifest that has a subject, under its digest. Where the registry does not say that it keeps the list itself, the fallback tag is read,
 * extended and written: there is no way to do that in one step, so of two writers at once one may be lost (engine.md §4).
 */
export async function putReferrer(
  registry: Registry,
  repository: string,
  referrer: { readonly bytes: Uint8Array; readonly descriptor: Descriptor; readonly subject: Digest },
): Promise<void> {
  const { bytes, descriptor, subject } = referrer;
  const kept = await putManifest(registry, repository, descriptor.digest, {
    bytes,
    mediaType: descriptor.mediaType,
  });
  if (kept) return;
  const known = await readFallback(registry, repository, subject);
  if (known.some(({ digest }) => digest === descriptor.digest)) return;
  const index = { schemaVersion: 2, mediaType: mediaType.index, manifests: [...known, descriptor] };
  await putManifest(registry, repository, fallbackTag(subject), {
    bytes: Buffer.from(canonicalJson(index), 'utf8'),
    mediaType: mediaType.index,
  });
}
