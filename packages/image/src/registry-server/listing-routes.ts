import { isDigest } from '@galley/api/digest';
import { mediaType } from '../media-type.ts';
import { isRepository, isTag } from '../registry-client/reference.ts';
import { bytes, json, refuse, type ServerAnswer, type ServerRequest } from './answer.ts';
import type { ServerContext } from './server-context.ts';

/** Names in one answer at most, and where a client does not say how many it wants. */
const pageMax = 1000;

/** The tags of a repository, in the order of their names, a page at a time. */
export async function answerTags(
  context: ServerContext,
  request: ServerRequest,
  repository: string,
): Promise<ServerAnswer> {
  const tags = (await allTags(context)).flatMap((one) => (one.repository === repository ? [one.tag] : []));
  if (tags.length === 0) return refuse(404, 'NAME_UNKNOWN', `There is no repository ${repository}.`);
  return page(request, tags, `/v2/${repository}/tags/list`, (some) => ({ name: repository, tags: some }));
}

/** Every repository that has a tag. */
export async function answerCatalog(context: ServerContext, request: ServerRequest): Promise<ServerAnswer> {
  const repositories = [...new Set((await allTags(context)).map(({ repository }) => repository))];
  return page(request, repositories, '/v2/_catalog', (some) => ({ repositories: some }));
}

/** The store's tags that a registry can name. */
async function allTags({ store }: ServerContext): Promise<readonly { repository: string; tag: string }[]> {
  return (await store.roots()).flatMap(({ name = '' }) => {
    const colon = name.lastIndexOf(':');
    const [repository, tag] = [name.slice(0, colon), name.slice(colon + 1)];
    return colon > 0 && isRepository(repository) && isTag(tag) ? [{ repository, tag }] : [];
  });
}

function page(
  request: ServerRequest,
  names: readonly string[],
  path: string,
  value: (names: readonly string[]) => unknown,
): ServerAnswer {
  const wanted = request.query.get('n') ?? String(pageMax);
  if (!/^\d{1,9}$/.test(wanted)) return refuse(400, 'UNSUPPORTED', 'n must be a number.');
  const count = Math.min(Number(wanted), pageMax);
  const last = request.query.get('last') ?? '';
  // By code units, not by the language of this machine: `last` must cut the same list everywhere.
  const after = names.toSorted((a, b) => (a < b ? -1 : 1)).filter((name) => name > last);
  const some = after.slice(0, count);
  const end = some.at(-1);
  const more = end !== undefined && after.length > count;
  const link = more ? { link: `<${path}?n=${count}&last=${encodeURIComponent(end)}>; rel="next"` } : {};
  return json(200, value(some), link);
}

/** What refers to a manifest (distribution-spec, "Listing Referrers"). Empty where nothing does, also of what is not here. */
export async function answerReferrers(
  context: ServerContext,
  request: ServerRequest,
  digest: string,
): Promise<ServerAnswer> {
  if (!isDigest(digest))
    return refuse(400, 'DIGEST_INVALID', 'A digest is sha256: and 64 hexadecimal digits.');
  const wanted = request.query.get('artifactType');
  const all = await context.store.referrers(digest);
  const manifests = wanted === null ? all : all.filter(({ artifactType }) => artifactType === wanted);
  const index = { schemaVersion: 2, mediaType: mediaType.index, manifests };
  return bytes(200, Buffer.from(JSON.stringify(index), 'utf8'), {
    'content-type': mediaType.index,
    ...(wanted === null ? {} : { 'oci-filters-applied': 'artifactType' }),
  });
}
