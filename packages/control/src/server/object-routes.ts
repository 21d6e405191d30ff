import type { FastifyInstance, FastifyRequest } from 'fastify';
import { GalleyError } from '@galley/api/error/galley-error';
import { apiRoot } from '@galley/api/http/endpoints';
import { kinds, type KindName, type KindRow, type KindTypes } from '@galley/api/kind/kinds';
import { apiVersion } from '@galley/api/kind/object';
import { objectNotFound } from '../store/object-error.ts';
import type { ObjectStore, Propagation, WatchEvent } from '../store/object-store.ts';
import { toGalleyError } from './error-reply.ts';
import { mergePatch } from './merge-patch.ts';
import { withGeneratedName } from './generated-name.ts';
import { readObject } from './object-input.ts';
import { streamLines } from './stream-lines.ts';
import { refuse } from './validate.ts';

interface CollectionParams {
  readonly project: string;
}
interface ObjectParams extends CollectionParams {
  readonly name: string;
}
interface ListQuery {
  readonly watch?: string;
  readonly resourceVersion?: string;
  readonly fieldSelector?: string;
}

/** How often a patch without a version is laid over what the object has become meanwhile. */
const patchAttemptsMax = 5;

/** Reading and writing objects as Kubernetes lays them: collections, objects, watches. */
export function objectRoutes(app: FastifyInstance, objects: ObjectStore, closing: AbortSignal): void {
  for (const kind of Object.keys(kinds)) {
    if (isKindName(kind)) kindRoutes(app, objects, closing, kind);
  }
}

function kindRoutes(app: FastifyInstance, objects: ObjectStore, closing: AbortSignal, kind: KindName): void {
  const collection = `${apiRoot}/namespaces/:project/${kinds[kind].plural}`;

  app.get<{ Params: CollectionParams; Querystring: ListQuery }>(collection, async (request, reply) => {
    const { project } = request.params;
    const { watch, resourceVersion } = request.query;
    const name = selectedName(request.query.fieldSelector);
    if (watch === 'true' || watch === '1') {
      const from = resourceVersion === undefined || resourceVersion === '' ? {} : { resourceVersion };
      return streamLines(
        reply,
        closing,
        (signal) => named(objects.watch(kind, { namespace: project, ...from, signal }), name),
        (error) => ({ type: 'ERROR', object: toGalleyError(error).toJSON() }),
      );
    }
    const { items, resourceVersion: version } = await objects.list(kind, { namespace: project });
    const chosen = items.filter((item) => name === undefined || item.metadata.name === name);
    return { apiVersion, kind: `${kind}List`, metadata: { resourceVersion: version }, items: chosen };
  });

  app.get<{ Params: ObjectParams }>(`${collection}/:name`, async (request) => {
    return found(objects, kind, request.params);
  });

  app.post<{ Params: CollectionParams }>(collection, async (request, reply) => {
    requireMay('create', kind);
    const input = readObject(kind, request.params.project, withGeneratedName(request.body));
    const { name, labels, annotations } = input.metadata;
    const created = await objects.create(kind, {
      metadata: {
        name,
        namespace: request.params.project,
        ...(labels === undefined ? {} : { labels }),
        ...(annotations === undefined ? {} : { annotations }),
      },
      // `readObject` has checked it against the schema of this kind.
      spec: input.spec as KindTypes[typeof kind]['spec'],
    });
    return reply.code(201).send(created);
  });

  app.put<{ Params: ObjectParams }>(`${collection}/:name`, async (request) => {
    requireMay('change', kind);
    return replace(objects, kind, request.params, request.body);
  });

  app.patch<{ Params: ObjectParams }>(`${collection}/:name`, async (request) => {
    requireMay('change', kind);
    requireMergePatch(request);
    return patch(objects, kind, request.params, request.body);
  });

  app.delete<{ Params: ObjectParams; Querystring: { propagationPolicy?: string } }>(
    `${collection}/:name`,
    async (request) => {
      requireMay('delete', kind);
      const { project, name } = request.params;
      return objects.delete(kind, project, name, {
        propagation: propagationOf(request.query.propagationPolicy),
      });
    },
  );
}

async function found<K extends KindName>(objects: ObjectStore, kind: K, params: ObjectParams) {
  const object = await objects.get(kind, params.project, params.name);
  if (object === undefined) throw objectNotFound(kind, params.project, params.name);
  return object;
}

async function replace(objects: ObjectStore, kind: KindName, params: ObjectParams, body: unknown) {
  const input = readObject(kind, params.project, body);
  if (input.metadata.name !== params.name) {
    const field = { field: 'metadata.name', problem: `must be ${params.name} as in the path` };
    refuse([field], `${kind} ${params.name}`);
  }
  const current = await found(objects, kind, params);
  return objects.update({
    ...current,
    metadata: {
      ...current.metadata,
      resourceVersion: input.metadata.resourceVersion ?? current.metadata.resourceVersion,
      labels: input.metadata.labels ?? {},
      annotations: input.metadata.annotations ?? {},
    },
    // Checked by `readObject` against the schema of this kind; so is the whole a value of it.
    spec: input.spec,
  } as KindTypes[typeof kind]);
}

/** A patch that names no version is meant for whatever the object is now, so a lost race is run again. */
async function patch(objects: ObjectStore, kind: KindName, params: ObjectParams, body: unknown) {
  for (let attempt = 1; ; attempt += 1) {
    const current = await found(objects, kind, params);
    try {
      return await replace(objects, kind, params, mergePatch(current, body));
    } catch (error) {
      const lostRace = error instanceof GalleyError && error.code === 'CONFLICT';
      if (!lostRace || namesVersion(body) || attempt === patchAttemptsMax) throw error;
    }
  }
}

function namesVersion(patchBody: unknown): boolean {
  if (typeof patchBody !== 'object' || patchBody === null || !('metadata' in patchBody)) return false;
  const { metadata } = patchBody;
  return typeof metadata === 'object' && metadata !== null && 'resourceVersion' in metadata;
}

function requireMay(what: KindRow['writes'][number], kind: KindName): void {
  const { writes }: KindRow = kinds[kind];
  if (writes.includes(what)) return;
  throw new GalleyError('NOT_WRITABLE', `${kind} objects are written by Galley itself.`, {
    hint: 'Change the application: galley deploy',
  });
}

function requireMergePatch(request: FastifyRequest): void {
  const type = (request.headers['content-type'] ?? '').split(';')[0]?.trim();
  if (type === 'application/merge-patch+json' || type === 'application/json') return;
  refuse([{ field: 'Content-Type', problem: 'must be application/merge-patch+json' }], 'This patch');
}

function propagationOf(policy: string | undefined): Propagation {
  if (policy === undefined || policy === 'Background') return 'Background';
  if (policy === 'Foreground' || policy === 'Orphan') return policy;
  const problem = 'must be one of Background, Foreground, Orphan';
  refuse([{ field: 'propagationPolicy', problem }], 'This deletion');
  return 'Background';
}

/** `metadata.name=NAME`, the one field that can be selected by. */
function selectedName(selector: string | undefined): string | undefined {
  if (selector === undefined || selector === '') return undefined;
  const name = /^metadata\.name==?(.+)$/.exec(selector)?.[1];
  if (name === undefined) {
    refuse([{ field: 'fieldSelector', problem: 'can only be metadata.name=NAME' }], 'This request');
  }
  return name;
}

async function* named<K extends KindName>(
  events: AsyncIterable<WatchEvent<K>>,
  name: string | undefined,
): AsyncGenerator<WatchEvent<K>> {
  for await (const event of events) {
    if (name === undefined || event.object.metadata.name === name) yield event;
  }
}

function isKindName(text: string): text is KindName {
  return text in kinds;
}
