import { isDigest, type Digest } from '@galley/api/digest';
import { GalleyError } from '@galley/api/error/galley-error';

/** The name of an image in a registry, in its parts. */
export interface ImageReference {
  /** `registry.example:5000`; `docker.io` where the text names none. */
  readonly registry: string;
  /** `team/model`. */
  readonly repository: string;
  /** Undefined only where there is a digest. */
  readonly tag: string | undefined;
  readonly digest: Digest | undefined;
}

/** What a name without a registry means to every other tool. */
export const defaultRegistry = 'docker.io';

// The grammar of distribution/reference, which docker, containerd, skopeo and oras share.
const hostLabel = '[a-zA-Z0-9](?:[a-zA-Z0-9-]*[a-zA-Z0-9])?';
const host = `(?:${hostLabel}(?:\\.${hostLabel})*|\\[[0-9a-fA-F:]+\\])(?::[0-9]{1,5})?`;
const pathPart = '[a-z0-9]+(?:(?:[._]|__|-+)[a-z0-9]+)*';
const repositoryPattern = new RegExp(`^${pathPart}(?:/${pathPart})*$`);
const hostPattern = new RegExp(`^${host}$`);
const tagPattern = /^[A-Za-z0-9_][A-Za-z0-9._-]{0,127}$/;

/** Bytes of a repository's name at most; the registries of the field agree on it. */
const repositoryMax = 255;

/** True for `team/model`: the name of a repository without its registry. */
export function isRepository(text: string): boolean {
  return text.length <= repositoryMax && repositoryPattern.test(text);
}

/** True for what may stand behind the colon. */
export function isTag(text: string): boolean {
  return tagPattern.test(text);
}

/**
 * Reads `[registry/]repository[:tag][@digest]`. The first part is a registry if it has a dot or a colon, or is `localhost`;
 * anything else is on Docker Hub, where a bare name lies under `library/`. Without tag and digest the tag is `latest`. Throws `REFERENCE_INVALID`.
 */
export function parseReference(text: string): ImageReference {
  const at = text.indexOf('@');
  const digest = at === -1 ? undefined : readDigest(text, text.slice(at + 1));
  const name = at === -1 ? text : text.slice(0, at);
  const slash = name.indexOf('/');
  const first = slash === -1 ? '' : name.slice(0, slash);
  const named = /[.:]|^localhost$/.test(first);
  if (named && (!hostPattern.test(first) || !URL.canParse(`https://${first}`)))
    throw invalid(text, `"${first}" is no host`);
  const rest = named ? name.slice(slash + 1) : name;
  const colon = rest.lastIndexOf(':');
  const tag = colon === -1 ? undefined : rest.slice(colon + 1);
  const path = colon === -1 ? rest : rest.slice(0, colon);
  if (tag !== undefined && !isTag(tag)) throw invalid(text, `"${tag}" is no tag`);
  const registry = named
    ? first.toLowerCase().replace(/^index\.docker\.io$/, defaultRegistry)
    : defaultRegistry;
  const repository = registry === defaultRegistry && !path.includes('/') ? `library/${path}` : path;
  if (!isRepository(repository)) throw invalid(text, `"${path}" is no name of a repository`);
  return {
    registry,
    repository,
    tag: tag ?? (digest === undefined ? 'latest' : undefined),
    digest,
  };
}

/** The text of a reference; `parseReference` gives the same parts again. */
export function formatReference(reference: ImageReference): string {
  const { registry, repository, tag, digest } = reference;
  return [
    `${registry}/${repository}`,
    tag === undefined ? '' : `:${tag}`,
    digest === undefined ? '' : `@${digest}`,
  ].join('');
}

/** What a request for the manifest names: the digest where there is one, since it cannot move. */
export function manifestName(reference: ImageReference): string {
  return reference.digest ?? reference.tag ?? 'latest';
}

function readDigest(text: string, digest: string): Digest {
  if (isDigest(digest)) return digest;
  throw invalid(text, `"${digest}" is no sha256 digest`);
}

function invalid(text: string, problem: string): GalleyError {
  return new GalleyError(
    'REFERENCE_INVALID',
    `${JSON.stringify(text)} is no reference to an image: ${problem}.`,
    {
      hint: 'Write it like registry.example/team/model:v1 (lower case, one tag).',
      details: { reference: text },
    },
  );
}
